"""What came of drills: `drill.json` beside each backup that was drilled, and one file for each table in the state.

The one in the backup goes where the backup goes; those in the state directory tell which table was drilled when, also
of drills that never came to their end, and outlive what retention removes.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from backup_core.durable import read_file, replace_file
from backup_core.errors import BackupError, IntegrityError
from backup_core.repository import layout
from backup_core.repository.timestamps import parse_timestamp, timestamp
from backup_core.restore.result_files import parse_result, result_content
from backup_core.storage_errors import storage_errors


FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Sample:
    """What a comparison has found.

    Attributes:
        same: items that the live table has just so.
        changed: items that it has otherwise: written since the snapshot, as far as anybody can tell.
        missing: items that it doesn't have: deleted since.
        not_compared: why nothing was compared; empty if something was.
    """

    same: int = 0
    changed: int = 0
    missing: int = 0
    not_compared: str = ""

    @property
    def items(self) -> int:
        """How many were compared."""
        return self.same + self.changed + self.missing


@dataclass(frozen=True, slots=True)
class DrillResult:
    """What came of one drill.

    Attributes:
        tag: of the backup; empty if there was none.
        drilled_at: when it ended.
        size_bytes: of the SSTables that were loaded.
        items: that came back; `index_items` in each index.
        coverage: of the token ring by the backup, 0 to 1; None if unknown.
        restore_seconds: how long checking, loading, filling the indexes and the proof took: what a real restore
            takes, as long as node and disks are as busy as they were.
        sample: of the items, against the live table.
        problems: why it isn't good, a line each: what the proof found, or what ended it; none if it is.
    """

    table: str
    tag: str
    drilled_at: datetime
    size_bytes: int = 0
    items: int = 0
    index_items: Mapping[str, int] | None = None
    coverage: float | None = None
    restore_seconds: float = 0.0
    sample: Sample | None = None
    problems: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether the backup came back as it should."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class TableDrills:
    """What is remembered of a table's drills: the last one, and the last that was good; None if none ever was."""

    last: DrillResult
    last_good: DrillResult | None


class DrillRecords:
    """The files in one directory, which belong to the owner of the one above, also when root writes them.

    Args:
        directory: made with the first file.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def add(self, result: DrillResult) -> None:
        """Remember a result.

        Raises:
            PermissionDeniedError, StorageError: it can't be written.
        """
        former = self.of(result.table)
        last_good = result if result.good else former.last_good if former else None
        content = {
            "format_version": FORMAT_VERSION,
            "last": drill_fields(result),
            "last_good": None if last_good is None else drill_fields(last_good),
        }
        replace_file(self._path(result.table), result_content(content), parents=True)

    def of(self, table: str) -> TableDrills | None:
        """What is remembered of a table's drills; None if there was none, or its file can't be understood.

        Raises:
            PermissionDeniedError, StorageError: it can't be read.
        """
        drills = parse_result(read_file(self._path(table)), _parse_both)
        return None if drills is None or drills.last.table != table else drills

    def all(self) -> tuple[TableDrills, ...]:
        """Of all tables, by name; errors as for `of`."""
        with storage_errors(self._directory, "Failed to read what came of drills"):
            try:
                names = sorted(path.name.removesuffix(".json") for path in self._directory.iterdir())
            except FileNotFoundError:
                return ()
        found = (self.of(name) for name in names if layout.is_table_name(name))
        return tuple(drills for drills in found if drills is not None)

    def _path(self, table: str) -> Path:
        return self._directory / f"{layout.check_table_name(table)}.json"


def drill_content(result: DrillResult) -> bytes:
    """The content of the file beside a backup."""
    return result_content({"format_version": FORMAT_VERSION, **drill_fields(result)})


def parse_drill(content: bytes | None) -> DrillResult | None:
    """The result that such a file tells of; None if there is none, or it can't be understood."""
    return parse_result(content, _parse)


def drill_error(result: DrillResult) -> BackupError | None:
    """Why a drill that has come to its end is no good one; None if it is."""
    if result.good:
        return None
    if not result.tag:
        return BackupError(f"The drill of '{result.table}' came to no end: {'; '.join(result.problems)}")
    return IntegrityError(
        f"{result.table}/{result.tag} didn't come back as it was: {'; '.join(result.problems)}.",
        hint="Restore it under another name with `restore --as`, and look at the proof; take a new backup.",
    )


def drill_fields(result: DrillResult) -> dict[str, Any]:
    """A result as JSON holds it."""
    return {**asdict(result), "drilled_at": timestamp(result.drilled_at), "good": result.good}


def _parse_both(fields: Mapping[str, Any]) -> TableDrills:
    last_good = fields["last_good"]
    return TableDrills(_parse(fields["last"]), None if last_good is None else _parse(last_good))


def _parse(fields: Mapping[str, Any]) -> DrillResult:
    index_items, sample, coverage = fields["index_items"], fields["sample"], fields["coverage"]
    return DrillResult(
        table=str(fields["table"]),
        tag=str(fields["tag"]),
        drilled_at=parse_timestamp(fields["drilled_at"]),
        size_bytes=int(fields["size_bytes"]),
        items=int(fields["items"]),
        index_items=None if index_items is None else {str(name): int(count) for name, count in index_items.items()},
        coverage=None if coverage is None else float(coverage),
        restore_seconds=float(fields["restore_seconds"]),
        sample=None if sample is None else _parse_sample(sample),
        problems=tuple(map(str, fields["problems"])),
    )


def _parse_sample(fields: Mapping[str, Any]) -> Sample:
    return Sample(
        same=int(fields["same"]),
        changed=int(fields["changed"]),
        missing=int(fields["missing"]),
        not_compared=str(fields["not_compared"]),
    )
