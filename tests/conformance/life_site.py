"""A node, the tables that one test has on it, and the command line that is set up for it."""

import json
import subprocess
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import urllib3

from tests.conformance.life_items import Item
from tests.conformance.life_node import LifeNode, client, settings_text
from tests.conformance.life_reading import Seen, contents, description, expected_scans, item_text
from tests.conformance.life_shapes import Shape
from tests.conftest import COMMAND, clean_environment


NAME_PREFIX = "abtest_"
"""What every table's name contains that these tests create..."""
NAMES_WITHOUT_PREFIX = frozenset({"..."})
"""... but for these, which are only created where nobody has such a table."""

COMMAND_SECONDS = 300
SETTLING_SECONDS = 30
POLL_SECONDS = 0.05

DROPPED = "pre-drop-"
FIRST_TAG = 1733313018


class Site:
    """A node with the tables of one test, and a repository and a state directory for them.

    Args:
        node: where it is.
        directory: for settings, repository and state.
    """

    def __init__(self, node: LifeNode, directory: Path) -> None:
        self.node = node
        self.directory = directory
        self.dynamodb = client(node)
        self._token = uuid.uuid4().hex[:6]
        self._claimed: set[str] = set()
        self._tags = 0
        self._http = urllib3.PoolManager(retries=False)
        self.settings = directory / "settings.toml"
        self.settings.write_text(settings_text(node, directory))

    def name(self, ending: str, *, before: str = "") -> str:
        """The name of a table of this test, whether it is made by the test or by a restore; dropped at the end."""
        return self.claim(f"{before}{NAME_PREFIX}{self._token}_{ending}")

    def claim(self, name: str) -> str:
        """Take a name for a table of this test; skip the test where somebody else has it."""
        assert NAME_PREFIX in name or name in NAMES_WITHOUT_PREFIX
        if name not in self._claimed and self.exists(name):
            pytest.skip(f"a table named {name} exists on this node, and isn't ours")
        self._claimed.add(name)
        return name

    def exists(self, name: str) -> bool:
        """Whether there is such a table."""
        try:
            self.dynamodb.describe_table(TableName=name)
        except self.dynamodb.exceptions.ResourceNotFoundException:
            return False
        return True

    def make(self, name: str, shape: Shape, *items: Item, **more: Any) -> "LiveTable":
        """Create a table with items; `more` are further parameters of CreateTable."""
        assert name in self._claimed
        self.dynamodb.create_table(**shape.request(name, **more))
        table = LiveTable(self, name, shape)
        table.put(*items)
        return table

    def delete(self, *names: str) -> None:
        """Delete tables of this test."""
        for name in names:
            assert name in self._claimed
            self.dynamodb.delete_table(TableName=name)

    def environment(self) -> dict[str, str]:
        """Of a process that is to work with this node."""
        return clean_environment(self.directory) | self.secrets()

    def secrets(self) -> dict[str, str]:
        """The settings that come by the environment."""
        return {
            "ALTERNATOR_BACKUP_SETTINGS": str(self.settings),
            "ALTERNATOR_BACKUP_ALTERNATOR__SECRET_ACCESS_KEY": self.node.secret_access_key,
            "ALTERNATOR_BACKUP_CQL__PASSWORD": self.node.cql_password,
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the installed command to its end."""
        return subprocess.run(
            [COMMAND, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            cwd=self.directory,
            env=self.environment(),
            check=False,
        )

    def back_up(self, *names: str) -> str:
        """Back tables up in one run, which has to succeed, and return its tag."""
        tag = str(FIRST_TAG + self._tags)
        self._tags += 1
        result = self.run("backup", "--tag", tag, "--", *names)
        assert result.returncode == 0, result.stderr
        self.assert_nothing_left()
        return tag

    def restore(self, *arguments: str) -> list[dict[str, Any]]:
        """Restore, which has to succeed with its proof, and return what it says of each table."""
        result = self.run("restore", "--json", *arguments)
        assert result.returncode == 0, result.stderr
        told: list[dict[str, Any]] = json.loads(result.stdout)
        assert all(each["proven"] for each in told)
        self.assert_nothing_left()
        return told

    def assert_restored(self, name: str, before: Seen) -> None:
        """A table is in all that a client can see as another one was; indexes get some time."""
        assert see_when(self, name, before.contents.scanned) == before

    def assert_nothing_left(self) -> None:
        """No snapshot of ours is on the node, no file in any `upload/`, no note of work that isn't done."""
        left = [path for path in self._in_own_tables("snapshots/*") if not path.name.startswith(DROPPED)]
        assert left + self._in_own_tables("upload/*") == []
        assert [*self.directory.glob("state/restores/*"), *self.directory.glob("state/snapshots/*")] == []

    def rest(self, method: str, path: str, **query: str) -> None:
        """Ask the node's REST API for something, which it has to do."""
        answer = self._http.request(method, f"{self.node.api_url}{path}?{urlencode(query)}")
        assert answer.status == 200, (method, path, query, answer.data)

    def close(self) -> None:
        """Delete all tables of this test, and the snapshots that dropping them has left on the node."""
        for name in sorted(self._claimed):
            if self.exists(name):
                self.delete(name)
        for path in self._in_own_tables("snapshots/*"):
            self.rest("DELETE", "/storage_service/snapshots", tag=path.name, kn=path.parents[2].name)
        self.dynamodb.close()
        self._http.clear()

    def _in_own_tables(self, pattern: str) -> list[Path]:
        keyspaces = (self.node.data_directory / f"alternator_{name}" for name in sorted(self._claimed))
        return [path for keyspace in keyspaces for path in keyspace.glob(f"*/{pattern}")]


@dataclass
class LiveTable:
    """A table that a test has made, and its items as the test knows them.

    Attributes:
        items: what the node has acknowledged, by key.
    """

    site: Site
    name: str
    shape: Shape
    items: dict[str, Item] = field(default_factory=dict)

    def put(self, *items: Item) -> None:
        """Write items, over those of the same keys."""
        for item in items:
            self.site.dynamodb.put_item(TableName=self.name, Item=item)
            self.items[item_text(self._key(item))] = item

    def put_if_taken(self, item: Item) -> None:
        """Write an item that some servers refuse."""
        try:
            self.put(item)
        except self.site.dynamodb.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "ValidationException"  # noqa: PT017  (any other is a failure)

    def remove(self, *items: Item) -> None:
        """Delete items."""
        for item in items:
            self.site.dynamodb.delete_item(TableName=self.name, Key=self._key(item))
            del self.items[item_text(self._key(item))]

    def flush(self) -> None:
        """Let the node write what is new into SSTables."""
        self.site.rest("POST", f"/storage_service/keyspace_flush/{quote(f'alternator_{self.name}')}", cf=self.name)

    def stop_compaction(self) -> None:
        """Let SSTables stay as they are flushed."""
        self.site.rest("DELETE", f"/storage_service/auto_compaction/{quote(f'alternator_{self.name}')}", cf=self.name)

    def seen(self) -> Seen:
        """All of the table, once it and its indexes hold what was written, and nothing else."""
        expected = expected_scans(self.shape, self.items.values())
        seen = see_when(self.site, self.name, expected)
        assert seen.contents.scanned == expected
        return seen

    def assert_queried(self) -> None:
        """Queries find all items in the table and its indexes, by the values that Scan has found."""
        seen = self.seen().contents
        for index, found in seen.queried.items():
            assert sorted(item for items in found.values() for item in items) == seen.scanned[index]

    def assert_found(self) -> None:
        """GetItem finds each item by its key as it was written."""
        for item in self.items.values():
            found = self.site.dynamodb.get_item(TableName=self.name, Key=self._key(item), ConsistentRead=True)
            assert item_text(found["Item"]) == item_text(item)

    def index_items(self) -> dict[str, int]:
        """How many items are in each index."""
        scans = expected_scans(self.shape, self.items.values())
        return {index: len(scans[index]) for index in self.shape.index_keys}

    def _key(self, item: Item) -> Item:
        return {name: item[name] for name in self.shape.key_names}


def see_when(site: Site, name: str, scanned: Mapping[str, Sequence[str]]) -> Seen:
    """All of a table, once Scan finds these items in it and its indexes, or when it is too late for that."""
    deadline = time.monotonic() + SETTLING_SECONDS
    while (found := contents(site.dynamodb, name)).scanned != scanned and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return Seen(description(site.dynamodb, name), found)
