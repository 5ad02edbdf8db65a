"""The files of a snapshot by their names: which of them may come out of a backup, and which SSTable each belongs to."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from backup_core.errors import IntegrityError
from backup_core.model import SourceFile, SSTable
from backup_core.sstable_files import is_loadable, parse_component


SCHEMA_NAME = "schema.cql"
METADATA = frozenset({"manifest.json", SCHEMA_NAME})
"""What a snapshot's directory holds beside SSTables. They never go into `upload/`."""


def check_name(name: str) -> None:
    """Let nothing through that has no place in a snapshot: one foreign name in `upload/` fails a whole load.

    Raises:
        IntegrityError: it is neither a file of an SSTable nor the snapshot's own.
    """
    parsed = parse_component(name)
    if name not in METADATA and (parsed is None or not is_loadable(parsed.prefix)):
        raise IntegrityError(f"{name!r} is no file of an SSTable")


def check_names(files: Iterable[SourceFile]) -> None:
    """Let nothing through, either, that is there twice.

    Raises:
        IntegrityError: as for `check_name`, or two files have one name.
    """
    for name, count in Counter(file.name for file in files).items():
        check_name(name)
        if count > 1:
            raise IntegrityError(f"{name!r} is in it twice")


def sstables_of(files: Iterable[SourceFile]) -> tuple[SSTable, ...]:
    """Files by the SSTable that they belong to, the snapshot's own ones left out."""
    groups: defaultdict[str, list[SourceFile]] = defaultdict(list)
    for file in files:
        parsed = parse_component(file.name)
        if parsed is not None:
            groups[parsed.prefix].append(file)
    return tuple(SSTable(prefix, tuple(components)) for prefix, components in groups.items())
