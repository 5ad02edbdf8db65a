"""A node with tables that have a good backup, the command line set up for it, and what holds whatever goes wrong."""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backup_core.cancel import CancelToken
from backup_core.clock import SystemClock
from backup_core.compression import ArchiveFormat
from backup_core.errors import NotFoundError
from backup_core.events import SilentReporter
from backup_core.repository.listing import BackupListing
from backup_core.repository.local import LocalRepository
from sandbox.catalog import Table
from sandbox.node import Sandbox
from tests.conformance.dynamodb import client, indexed_table, root, simple_table
from tests.conformance.replay import rest
from tests.conftest import COMMAND, TIMEOUT_SECONDS, clean_environment, settings_text


TABLES = ("users", "orders")
"""Every station's: `users` has a GSI and an LSI, `orders` none."""

SNAPSHOTS = "/storage_service/snapshots"

WITHOUT_PRIVILEGES = (
    *("setpriv", "--inh-caps", "-dac_override,-dac_read_search"),
    *("--bounding-set", "-dac_override,-dac_read_search"),
)
"""Runs root's commands so that the rights of files count."""

Finished = subprocess.CompletedProcess[str]


@dataclass
class Station:
    """A node, a repository, a state directory and settings; nothing in them is shared with another station.

    Attributes:
        environment: what every command gets on top, such as credentials.
        known: what is listed, as far as the tests expect it.
        foreign: snapshots on the node that are somebody else's.
    """

    node: Sandbox
    directory: Path
    environment: dict[str, str] = field(default_factory=dict)
    known: list[BackupListing] = field(default_factory=list)
    foreign: set[Path] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.settings.write_text(settings_text(self.node, self.directory))

    @property
    def settings(self) -> Path:
        """The settings that are used unless a test names others."""
        return self.directory / "settings.toml"

    @property
    def backups(self) -> Path:
        """Where the repository is."""
        return self.directory / "backups"

    def start(self, *arguments: str, privileged: bool = True, **changes: str) -> subprocess.Popen[str]:
        """Start the command.

        Args:
            arguments: of the command.
            privileged: False takes root's right to read and write everything away.
            changes: settings by their key path, as `node__timeout_seconds="1"`.
        """
        environment = clean_environment(self.directory) | {"ALTERNATOR_BACKUP_SETTINGS": str(self.settings)}
        changed = {f"ALTERNATOR_BACKUP_{key.upper()}": value for key, value in changes.items()}
        return subprocess.Popen(
            [*(() if privileged or not as_root() else WITHOUT_PRIVILEGES), COMMAND, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.directory,
            env=environment | self.environment | changed,
        )

    def run(self, *arguments: str, privileged: bool = True, **changes: str) -> Finished:
        """Run the command to its end; see `start`."""
        return finish(self.start(*arguments, privileged=privileged, **changes))

    def back_up(self, *arguments: str, **changes: str) -> Finished:
        """Run a backup that has to succeed."""
        result = self.run("backup", *arguments, **changes)
        assert result.returncode == 0, result.stderr
        self.assert_clean()
        self.known = self.listed()
        return result

    def listed(self) -> list[BackupListing]:
        """What is listed as a backup."""
        repository = self.repository()
        try:
            repository.open_read_only()
        except NotFoundError:
            return []
        return list(repository.backups())

    def assert_failed(self, result: Finished, exit_code: int, *words: str) -> None:
        """It ended with that code, one ERROR line that has these words, and no trace on node and repository."""
        assert_error(result, exit_code, *words)
        self.assert_clean()
        assert self.listed() == self.known

    def assert_all_failed(self, result: Finished, exit_code: int, expected: dict[str, tuple[str, ...]]) -> None:
        """As `assert_failed` for a batch: one ERROR line for each table, which has its words."""
        assert result.returncode == exit_code, result.stderr
        errors = errors_of(result)
        assert len(errors) == len(expected), result.stderr
        for table, words in expected.items():
            assert [error for error in errors if all(word in error for word in words)], (table, words, errors)
        self.assert_clean()
        assert self.listed() == self.known

    def assert_clean(self) -> None:
        """Nothing of ours is left on the node, nothing half done in the repository, and every backup is sound."""
        assert set(self.snapshots()) == self.foreign
        assert self.journalled() == []
        self.assert_sound()

    def assert_sound(self) -> None:
        """Nothing half done is in the repository, and every byte of every backup is what was stored."""
        assert [path.name for path in self.backups.glob("~tmp-*")] == []
        for listing in self.listed():
            self.repository().verify(listing, deep=True, on_progress=lambda _: None, cancel=CancelToken())

    def snapshots(self, tag: str = "*") -> list[Path]:
        """Snapshots on the node's disk, but for those that it makes itself when a table is dropped."""
        found = self.node.data_directory.glob(f"*/*/snapshots/{tag}")
        return [path for path in found if not path.name.startswith("pre-drop-")]

    def journalled(self) -> list[Path]:
        """Entries of the journal."""
        return list((self.directory / "state" / "snapshots").glob("*"))

    def repository(self) -> LocalRepository:
        """The repository, for a look into it."""
        return LocalRepository(
            "local",
            self.backups,
            archive_format=ArchiveFormat.TAR_GZ,
            reporter=SilentReporter(),
            clock=SystemClock(),
        )

    def dynamodb(self) -> Any:
        """A client that may do everything."""
        return root(self.node) if self.node.catalog.enforce_authorization else client(self.node)

    def create(self, *names: str, **more: Any) -> None:
        """Create tables with one item each; `users` with its indexes."""
        dynamodb = self.dynamodb()
        for name in names:
            dynamodb.create_table(**(indexed_table(name) if name == "users" else simple_table(name, **more)))
            item = {"pk": {"S": "a"}, "sk": {"S": "b"}, "age": {"N": "7"}, "day": {"S": "c"}}
            dynamodb.put_item(TableName=name, Item=item)

    def drop(self, *names: str) -> None:
        """Drop tables."""
        for name in names:
            self.dynamodb().delete_table(TableName=name)

    def table(self, name: str) -> Table:
        """A table as the node knows it."""
        return self.node.catalog.tables[name]

    def live_files(self, name: str, ending: str) -> list[Path]:
        """A table's live files, flushed, whose names end like that."""
        rest(self.node, "POST", f"/storage_service/keyspace_flush/alternator_{name}", {})
        return list(self.node.data_directory.glob(f"alternator_{name}/{name}-{self.table(name).id.hex}/*{ending}"))

    def take_foreign_snapshot(self, name: str, tag: str) -> None:
        """Take a snapshot that isn't ours."""
        query = {"tag": tag, "kn": f"alternator_{name}", "cf": name}
        assert rest(self.node, "POST", SNAPSHOTS, query).status == 200
        self.foreign |= set(self.snapshots(tag))

    def restored(self, tables: Iterable[str] = TABLES) -> None:
        """Back to how it was: no faults, no tables but these, no snapshots."""
        self.node.faults.clear()
        self.drop(*(set(self.node.catalog.tables) - set(tables)))
        self.node.data.delete_snapshots()
        self.foreign.clear()
        for path in self.journalled():
            path.unlink()
        self.known = self.listed()


class Gate:
    """An action of a fault that holds a request up until it is opened.

    Attributes:
        reached: a request has come.
    """

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._opened = threading.Event()

    def __call__(self) -> None:
        """Hold the request up."""
        self.reached.set()
        self._opened.wait(TIMEOUT_SECONDS)

    def open(self) -> None:
        """Let it pass."""
        self._opened.set()


def finish(process: subprocess.Popen[str]) -> Finished:
    """Wait for a command's end."""
    try:
        stdout, stderr = process.communicate(timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise AssertionError(process.communicate()) from None
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def assert_error(result: Finished, exit_code: int, *words: str) -> None:
    """It ended with that code, and one ERROR line that has these words."""
    (error,) = errors_of(result)
    assert result.returncode == exit_code, result.stderr
    assert [word for word in words if word not in error] == [], error


def errors_of(result: Finished) -> list[str]:
    """What its ERROR lines say, sorted; there is no traceback."""
    assert "Traceback" not in result.stdout + result.stderr, result.stderr
    return sorted(line.partition("ERROR - ")[2] for line in result.stderr.splitlines() if "ERROR - " in line)


def until(condition: Callable[[], Any]) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + TIMEOUT_SECONDS / 2
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def as_root() -> bool:
    """Whether this user may mount disks, and read what nobody else may."""
    return os.geteuid() == 0
