"""What can't be done there at all, said before anything is touched."""

from collections.abc import Iterable, Iterator, Sequence

from backup_core.errors import NodeRefusedError
from backup_core.model import TABLE_NAME_MAX_LENGTH
from backup_core.repository.layout import is_table_name
from backup_core.restore.model import BackupSource, RestoreOptions, TableDefinition, TargetServer
from backup_core.restore.placement import NO_STREAMS, Placement
from backup_core.schema import CDC_LOG_SUFFIX
from backup_core.sstable_files import TOC, parse_component


_RESERVED_PREFIX = ".scylla.alternator."
"""System tables are read by such names (alternator/executor.cc)."""


def refuse_obstacles(
    sources: Sequence[BackupSource],
    definition: TableDefinition,
    target: TargetServer,
    options: RestoreOptions,
    placement: Placement,
) -> None:
    """Let nothing be begun that the server can only refuse.

    Raises:
        NodeRefusedError: with everything that stands in the way.
    """
    name = options.target or definition.name
    found = [
        *_name(name, target),
        *_derived_names(name, definition, target),
        *_files(sources, target),
        *_placement(placement),
    ]
    if options.late_indexes and definition.global_indexes and not target.updates_indexes:
        found.append("UpdateTable can't add indexes there: --late-indexes needs 2025.1 or later")
    if found:
        raise NodeRefusedError(
            f"{definition.name} can't be restored as {name}: {'; '.join(dict.fromkeys(found))}.",
            hint="Nothing was touched.",
            table=name,
        )


def _name(name: str, target: TargetServer) -> Iterator[str]:
    if not is_table_name(name) or name.startswith(_RESERVED_PREFIX):
        yield f"{name!r} can't be the name of a table"
    elif len(name) > target.table_name_max_length:
        most = target.table_name_max_length
        yield f"its name has {len(name)} characters, and ScyllaDB {_version(target)} takes {most}"
    if name in target.tables:
        yield "a table of that name exists (--as NAME restores beside it, --replace puts the backup in its place)"


def _derived_names(name: str, definition: TableDefinition, target: TargetServer) -> Iterator[str]:
    """Views and the stream's log are tables too, whose directories have to have names (alternator, view_name)."""
    derived = [(f"index {index['IndexName']}", f":{index['IndexName']}") for index in definition.global_indexes]
    derived += [(f"index {index['IndexName']}", f"!:{index['IndexName']}") for index in definition.local_indexes]
    if definition.stream_view_type is not None and target.streams:
        derived.append(("its stream", CDC_LOG_SUFFIX))
    for what, suffix in derived:
        excess = len(name) + len(suffix) - TABLE_NAME_MAX_LENGTH
        if excess > 0:
            yield f"its name is {excess} characters too long for {what}"


def _files(sources: Iterable[BackupSource], target: TargetServer) -> Iterator[str]:
    for version in sorted(_versions(sources) - target.sstable_formats):
        yield f"its SSTables are of format {version}, which ScyllaDB {_version(target)} can't read"


def _versions(sources: Iterable[BackupSource]) -> set[str]:
    """Of the SSTables that the manifests name."""
    manifests = (source.manifest for source in sources if source.manifest is not None)
    parsed = (parse_component(file.name) for manifest in manifests for file in manifest.files)
    return {name.prefix.partition("-")[0] for name in parsed if name is not None and name.component == TOC}


def _placement(placement: Placement) -> Iterator[str]:
    """Where a server allows no vnodes, what forbids tablets is the end; a stream alone can be done without."""
    if placement.tablets:
        for why in placement.against_tablets:
            if why != NO_STREAMS:
                yield f"{why}, and vnodes are forbidden there (tablets_mode_for_new_keyspaces)"


def _version(target: TargetServer) -> str:
    return target.version or "of unknown version"
