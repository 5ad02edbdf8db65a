"""The archive of a backup that is to be restored, and what is known of its content before it is read."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from backup_core.compression import ArchiveFormat
from backup_core.errors import IntegrityError
from backup_core.model import SourceFile, SSTable, StoredArchive
from backup_core.sstable_files import is_loadable, parse_component


SCHEMA_NAME = "schema.cql"
METADATA = frozenset({"manifest.json", SCHEMA_NAME})
"""What a snapshot's directory holds beside SSTables. They never go into `upload/`."""


@dataclass(frozen=True, slots=True)
class SourceArchive:
    """An archive, and what has to come out of it.

    Attributes:
        table_name: of the table that was backed up.
        expected: what it held when it was written; None if nothing tells.
        is_legacy: the predecessor has made it.
    """

    path: Path
    archive_format: ArchiveFormat
    table_name: str
    expected: StoredArchive | None
    is_legacy: bool = False

    @property
    def files(self) -> tuple[SourceFile, ...]:
        """All files that are expected in it; none where nothing tells."""
        stored = () if self.expected is None else self.expected.files
        return tuple(SourceFile(file.name, file.size_bytes) for file in stored)


def check_name(name: str) -> None:
    """Let nothing through that has no place in a snapshot: one foreign name in `upload/` fails a whole load.

    Raises:
        IntegrityError: it is neither a file of an SSTable nor the snapshot's own.
    """
    parsed = parse_component(name)
    if name not in METADATA and (parsed is None or not is_loadable(parsed.prefix)):
        raise IntegrityError(f"{name!r} is no file of an SSTable")


def sstables_of(files: Iterable[SourceFile]) -> tuple[SSTable, ...]:
    """Files by the SSTable that they belong to, the snapshot's own ones left out."""
    groups: defaultdict[str, list[SourceFile]] = defaultdict(list)
    for file in files:
        parsed = parse_component(file.name)
        if parsed is not None:
            groups[parsed.prefix].append(file)
    return tuple(SSTable(prefix, tuple(components)) for prefix, components in groups.items())
