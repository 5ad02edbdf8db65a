"""A node with tables that have a good backup, the command line set up for it, and what holds whatever goes wrong."""

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby, islice
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

import pytest

from backup_core.cancel import CancelToken
from backup_core.clock import SystemClock
from backup_core.compression import ArchiveFormat
from backup_core.context import Context
from backup_core.errors import BackupError, NotFoundError
from backup_core.events import SilentReporter
from backup_core.pipeline import backup_table, backup_tables
from backup_core.repository.listing import BackupListing
from backup_core.repository.local import LocalRepository
from backup_core.repository.verification import DEEP
from backup_core.table_id import get_all_tables
from daemon.settings_file import load_settings
from daemon.wiring import node_context
from sandbox.catalog import Table
from sandbox.node import Sandbox
from tests.conformance.dynamodb import client, indexed_table, root, simple_table
from tests.conformance.replay import rest
from tests.conftest import COMMAND, clean_environment, settings_text
from tests.faults.commands import WITHOUT_PRIVILEGES, Finished, as_root, assert_error, errors_of, finish


TABLES = ("users", "orders")
"""Every station's: `users` has a GSI and an LSI, `orders` none."""

LARGE_BYTES = 1 << 30

SNAPSHOTS = "/storage_service/snapshots"

NO_CHANGES: Mapping[str, str] = MappingProxyType({})


@dataclass
class Station:
    """A node, a repository, a state directory and settings; nothing in them is shared with another station.

    Attributes:
        changes: settings that every command gets on top of the file, such as credentials, by key path.
        known: what is listed, as far as the tests expect it.
        foreign: snapshots on the node that are somebody else's.
    """

    node: Sandbox
    directory: Path
    changes: Mapping[str, str] = field(default_factory=dict)
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

    def start(
        self,
        *arguments: str,
        settings: Mapping[str, str] = NO_CHANGES,
        privileged: bool = True,
        stdout: int | IO[bytes] = subprocess.PIPE,
        stderr: int | IO[bytes] = subprocess.PIPE,
    ) -> subprocess.Popen[str]:
        """Start the command.

        Args:
            arguments: of the command.
            settings: what is other than in the file, by key path.
            privileged: False takes root's right to read and write everything away.
            stdout: where its data goes.
            stderr: where its messages go.
        """
        environment = clean_environment(self.directory) | {"ALTERNATOR_BACKUP_SETTINGS": str(self.settings)}
        return subprocess.Popen(
            [*(() if privileged or not as_root() else WITHOUT_PRIVILEGES), COMMAND, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            text=True,
            cwd=self.directory,
            env=environment | self._variables(settings),
        )

    def _variables(self, settings: Mapping[str, str]) -> dict[str, str]:
        changed = {**self.changes, **settings}
        return {f"ALTERNATOR_BACKUP_{key.replace('.', '__').upper()}": value for key, value in changed.items()}

    def run(self, *arguments: str, settings: Mapping[str, str] = NO_CHANGES, privileged: bool = True) -> Finished:
        """Run the command to its end; see `start`."""
        return finish(self.start(*arguments, settings=settings, privileged=privileged))

    @contextmanager
    def context(self, settings: Mapping[str, str] = NO_CHANGES) -> Iterator[Context]:
        """What the library's functions get: they take a tenth of the time that a command does; see `start`."""
        with pytest.MonkeyPatch.context() as environment:
            for name, value in self._variables(settings).items():
                environment.setenv(name, value)
            loaded = load_settings(self.settings)
        with node_context(loaded, SilentReporter(), CancelToken()) as context:
            yield context

    def back_up(self, *tables: str, tag: str | None = None, settings: Mapping[str, str] = NO_CHANGES) -> None:
        """Back up with the library, all tables if none is named; it has to succeed."""
        with self.context(settings) as context:
            result = backup_tables(context, tables or get_all_tables(context), tag)
        assert result.failed == ()
        self.assert_clean()
        self.known = self.listed()

    def assert_refused(
        self, table: str, exit_code: int, *words: str, tag: str | None = None, settings: Mapping[str, str] = NO_CHANGES
    ) -> BackupError:
        """As `assert_failed`, for a backup with the library, whose error is returned."""
        with pytest.raises(BackupError) as refused, self.context(settings) as context:
            backup_table(context, table, tag)
        assert refused.value.exit_code == exit_code, refused.value
        assert [word for word in words if word not in str(refused.value)] == [], refused.value
        self.assert_clean()
        assert self.listed() == self.known
        return refused.value

    def listed(self) -> list[BackupListing]:
        """What is listed as a backup, but for when it was last read back: `assert_sound` does that."""
        repository = self.repository()
        try:
            repository.open_read_only()
        except NotFoundError:
            return []
        return [replace(each, verified=replace(each.verified, stored=None)) for each in repository.backups()]

    def assert_failed(self, result: Finished, exit_code: int, *words: str) -> None:
        """It ended with that code, one ERROR line that has these words, and no trace on node and repository."""
        assert_error(result, exit_code, *words)
        self.assert_clean()
        assert self.listed() == self.known

    def assert_all_failed(self, result: Finished, exit_code: int, expected: Mapping[str, tuple[str, ...]]) -> None:
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
            self.repository().verify(listing, depth=DEEP, on_progress=lambda _: None, cancel=CancelToken())

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

    def create_large(self) -> str:
        """Create a table whose archive takes its time; its data is a hole, which needs no space."""
        self.create("large")
        (data,) = self.live_files("large", "-Data.db")
        os.truncate(data, LARGE_BYTES)
        return "large"

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
        """Back to how it was: no faults, no tables but these with their newest backups, no snapshots."""
        self.node.faults.clear()
        self.drop(*(set(self.node.catalog.tables) - set(tables)))
        self.node.data.delete_snapshots()
        self.foreign.clear()
        for path in self.journalled():
            path.unlink()
        for name, listings in groupby(self.listed(), lambda listing: listing.table):
            for listing in islice(listings, 1, None):
                self.repository().remove(listing)
            if name not in tables:
                shutil.rmtree(self.backups / name)
        self.known = self.listed()
