"""The plan: every decision of a restore, made before anything is touched, from values alone."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from backup_core.errors import IncompleteError, ManifestError
from backup_core.repository import create_table
from backup_core.repository.create_table import INTERNAL_TAGS, assemble_request, is_reserved_tag
from backup_core.restore.coverage import percent, ring_coverage
from backup_core.restore.definition import table_definition
from backup_core.restore.differences import Decisions, differences
from backup_core.restore.grant_statements import Grants, grant_statements
from backup_core.restore.hash_only import without_sort_keys
from backup_core.restore.model import BackupSource, RestoreOptions, RestorePlan, TableDefinition, TargetServer, Way
from backup_core.restore.obstacles import refuse_obstacles
from backup_core.restore.placement import NO_STREAMS, PLACEMENT_TAGS, Placement, choose_placement
from backup_core.restore.scratch import copy_scratch_name
from backup_core.restore.way import choose_way


def plan_restore(
    sources: Sequence[BackupSource], definition: TableDefinition, target: TargetServer, options: RestoreOptions
) -> RestorePlan:
    """Decide everything, and refuse what can't be done.

    Args:
        sources: the backups, one for each host.
        definition: that of the first of them.
        target: the server; a table that is to be replaced or taken up again is not among its tables.
        options: what the user decides.

    Raises:
        NodeRefusedError: the server can't take the table like this.
        IncompleteError: the backups don't cover the whole ring, and `partial` wasn't asked for.
        NotFoundError: `hash_only` names an index that isn't there.
        ManifestError: the backups contradict each other.
    """
    name = options.target or definition.name
    wanted = without_sort_keys(definition, options.hash_only)
    placement = choose_placement(definition, target)
    _check_agreement(sources, definition)
    coverage = _coverage(sources, options)
    refuse_obstacles(sources, definition, target, options, placement)
    way = choose_way(definition, target)
    late = wanted.global_indexes if way is Way.COLUMNS_FIRST or (options.late_indexes and way is Way.LOAD) else ()
    decisions = Decisions(way, placement, tuple(index["IndexName"] for index in late))
    stream = _stream_type(definition, target, placement)
    grants = _grants(definition, name, options, with_stream=stream is not None)
    return RestorePlan(
        sources=tuple(sources),
        definition=definition,
        target=name,
        way=way,
        tablets=placement.tablets,
        create_table=_create_table(wanted, name, target, placement, without_global_indexes=bool(late)),
        columns=() if way is Way.LOAD else definition.real_columns,
        scratch=_scratch(sources, definition, name, target, placement) if way is Way.COPY_ITEMS else None,
        late_indexes=tuple(late),
        time_to_live=_time_to_live(definition, name),
        stream=create_table.stream_parameters(name, stream) if stream else None,
        grants=grants.statements,
        coverage=coverage,
        nodes=target.nodes_of_smallest_datacenter,
        differences=differences(sources, definition, target, options, decisions),
        warnings=(*_warnings(definition, target, coverage, stream), *_number_keys(definition, way), *grants.left),
    )


def _check_agreement(sources: Sequence[BackupSource], definition: TableDefinition) -> None:
    """One run's backups of several nodes are of one table, whose keys and columns decide what can be loaded."""
    for source in sources:
        other = definition if source is sources[0] else table_definition(source.description)
        if source.listing.table != definition.name or _core(other) != _core(definition):
            raise ManifestError(
                f"{source.listing.location} describes another table than {sources[0].listing.location}.",
                hint="The table was changed between the two snapshots: restore a backup of another time.",
            )


def _core(definition: TableDefinition) -> tuple[Any, ...]:
    indexes = (*definition.global_indexes, *definition.local_indexes)
    keys = {index["IndexName"]: [key["AttributeName"] for key in index["KeySchema"]] for index in indexes}
    types = {each["AttributeName"]: each["AttributeType"] for each in definition.attribute_definitions}
    return definition.name, definition.key_schema, types, keys, frozenset(definition.real_columns)


def _coverage(sources: Sequence[BackupSource], options: RestoreOptions) -> float | None:
    coverage = ring_coverage(source.manifest for source in sources)
    if coverage is not None and coverage < 1 and not options.partial:
        raise IncompleteError(
            f"The backups {sources[0].listing.table}/{sources[0].listing.tag} cover {percent(coverage)} of the token "
            "ring.",
            hint="Name the repositories of the other nodes too with --from, or restore what there is with --partial.",
        )
    return coverage


def _create_table(
    wanted: TableDefinition, name: str, target: TargetServer, placement: Placement, *, without_global_indexes: bool
) -> dict[str, Any]:
    return assemble_request(
        name,
        key_schema=wanted.key_schema,
        attribute_definitions=wanted.attribute_definitions,
        billing=wanted.billing,
        global_indexes=() if without_global_indexes else wanted.global_indexes,
        local_indexes=wanted.local_indexes,
        tags=_tags(wanted, target, placement),
    )


def _tags(definition: TableDefinition, target: TargetServer, placement: Placement) -> dict[str, str]:
    """Those that the user has set, and where the table goes."""
    tags = {
        key: value
        for key, value in definition.tags.items()
        if key not in INTERNAL_TAGS and key not in PLACEMENT_TAGS and not _is_refused(key, target)
    }
    if placement.tag is not None:
        tags[target.tablets_tag] = placement.tag
    return tags


def _is_refused(tag: str, target: TargetServer) -> bool:
    return target.reserves_system_tags and is_reserved_tag(tag)


def _scratch(
    sources: Sequence[BackupSource], definition: TableDefinition, name: str, target: TargetServer, placement: Placement
) -> dict[str, Any]:
    """A table with the same keys and nothing else."""
    return assemble_request(
        copy_scratch_name(name, sources[0].listing.tag),
        key_schema=definition.key_schema,
        attribute_definitions=definition.attribute_definitions,
        billing={},
        tags={} if placement.tag is None else {target.tablets_tag: placement.tag},
    )


def _time_to_live(definition: TableDefinition, name: str) -> Mapping[str, Any] | None:
    attribute = definition.time_to_live_attribute
    return None if attribute is None else create_table.time_to_live_parameters(name, attribute)


def _stream_type(definition: TableDefinition, target: TargetServer, placement: Placement) -> str | None:
    possible = target.streams and not (placement.tablets and NO_STREAMS in placement.against_tablets)
    return definition.stream_view_type if possible else None


def _grants(definition: TableDefinition, name: str, options: RestoreOptions, *, with_stream: bool) -> Grants:
    if options.without_grants:
        return Grants((), ("grants, as asked for",) if definition.grants else ())
    return grant_statements(definition, name, with_stream=with_stream)


def _warnings(
    definition: TableDefinition, target: TargetServer, coverage: float | None, stream: str | None
) -> Iterator[str]:
    yield from definition.unknown
    if coverage is None:
        yield "whatever other nodes held: nothing tells how much of the token ring the backups cover"
    elif coverage < 1:
        yield f"what lies outside of {percent(coverage)} of the token ring, which is all that the backups cover"
    for tag in definition.tags:
        if tag not in INTERNAL_TAGS and _is_refused(tag, target):
            yield f"tag {tag}, which is reserved there"
    if definition.stream_view_type is not None and stream is None:
        why = NO_STREAMS if target.streams else "the experimental feature alternator-streams is off there"
        yield f"the stream ({definition.stream_view_type}): {why}"
    if definition.encrypted:
        yield (
            "encryption at rest as the table had it (scylla_encryption_options); the new one has the node's default, "
            "and the files load only where their keys are"
        )


def _number_keys(definition: TableDefinition, way: Way) -> Iterator[str]:
    """A number key keeps its scale, but Scan spells it out, and 1E+30 is then another key (seen on 6.2.3)."""
    own = {key["AttributeName"] for key in definition.key_schema}
    numbers = [
        each["AttributeName"]
        for each in definition.attribute_definitions
        if each["AttributeType"] == "N" and each["AttributeName"] in own
    ]
    if way is Way.COPY_ITEMS and numbers:
        yield (
            f"how numbers in the key were written ({', '.join(numbers)}): items are copied with 1E+30 spelled out, and "
            "are found by that only"
        )
