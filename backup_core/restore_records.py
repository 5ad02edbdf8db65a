"""Which tables a restore has made and not finished: one fsynced file for each in the state directory.

It is written before CreateTable, gets the table's id after it, and goes when all is done and proven. The same restore
run again knows its own table by it and ends the work; a table that has no such record, or another id, is never touched.
"""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from backup_core.durable import read_file, replace_file, sync_directory
from backup_core.errors import StorageError
from backup_core.ownership import as_owner_of
from backup_core.repository.layout import check_table_name, is_table_name
from backup_core.repository.timestamps import parse_timestamp
from backup_core.storage_errors import storage_errors


FORMAT_VERSION = 1
_ENTRY = ".json"
_POSITIONS = ".positions"


@dataclass(frozen=True, slots=True)
class RestoreRecord:
    """A restore under way.

    Attributes:
        target: name of the table that it makes.
        source: name of the table that was backed up.
        tag: of the backup.
        backups: where its backups are.
        request: SHA-256 of what is to be made: with other options it would be another table.
        table_id: 32 hex digits; None as long as CreateTable hasn't been answered.
        replaced_id: of the table that it takes the place of and has deleted, or is about to; None for none.
        preparing: that table is still to be backed up and the like: nothing was deleted or made.
        started_at: RFC 3339.
    """

    target: str
    source: str
    tag: str
    backups: tuple[str, ...]
    request: str
    table_id: str | None
    replaced_id: str | None
    preparing: bool
    started_at: str


class RestoreRecords:
    """The files in one directory, which belong to the owner of the one above, also when root writes them.

    Args:
        directory: made with the first record.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def write(self, record: RestoreRecord) -> None:
        """Write a record, durably, over the one of the same target.

        Raises:
            PermissionDeniedError, StorageError: it can't be written: create no table.
        """
        content = json.dumps({"format_version": FORMAT_VERSION, **asdict(record)}, indent=1).encode()
        replace_file(self._path(record.target), content, parents=True)

    def find(self, target: str) -> RestoreRecord | None:
        """The record of the restore that makes that table; None if there is none.

        Raises:
            PermissionDeniedError, StorageError: it can't be read, or is none.
        """
        path = self._path(target)
        content = read_file(path)
        return None if content is None else _parse(path, content)

    def all(self) -> Iterator[RestoreRecord]:
        """Every record; errors as for `find`."""
        with storage_errors(self._directory, "Failed to read the records of restores"):
            try:
                names = sorted(entry.name for entry in os.scandir(self._directory))
            except FileNotFoundError:
                names = []
        for name in names:
            target = name.removesuffix(_ENTRY)
            if name.endswith(_ENTRY) and is_table_name(target) and (record := self.find(target)) is not None:
                yield record

    def positions_directory(self, target: str) -> Path:
        """Where it is remembered how far the copying of that table's items has come; it goes with the record."""
        return self._directory / f"{check_table_name(target)}{_POSITIONS}"

    def remove(self, target: str) -> None:
        """Remove the record of a restore that is done, or whose table is gone.

        Raises:
            PermissionDeniedError, StorageError: it can't be removed.
        """
        path = self._path(target)
        with as_owner_of(self._directory), storage_errors(path, "Failed to remove the record of a restore"):
            path.unlink(missing_ok=True)
            shutil.rmtree(self.positions_directory(target), ignore_errors=True)
            if self._directory.is_dir():
                sync_directory(self._directory)

    def _path(self, target: str) -> Path:
        return self._directory / f"{check_table_name(target)}{_ENTRY}"


def _parse(path: Path, content: bytes) -> RestoreRecord:
    try:
        fields = json.loads(content)
        if fields.pop("format_version") != FORMAT_VERSION:
            raise ValueError(path)  # noqa: TRY301
        record = RestoreRecord(**{**fields, "backups": tuple(fields["backups"])})
        parse_timestamp(record.started_at)
        if record.target != path.name.removesuffix(_ENTRY):
            raise ValueError(record)  # noqa: TRY301
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StorageError(
            f"{path} is no record of a restore.",
            hint="Look at the table that its name tells; when it is all right or deleted, remove the file.",
        ) from error
    return record
