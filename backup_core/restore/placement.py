"""Tablets or vnodes: as the table was, unless that can't be had there.

Alternator takes the choice as a tag of CreateTable: a number asks for tablets (0: as many as it likes), anything else
for vnodes (alternator/executor.cc). Without the tag the server's own default holds, which differs between releases.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from backup_core.repository.create_table import FORMER_INITIAL_TABLETS_TAG, INITIAL_TABLETS_TAG
from backup_core.restore.model import TableDefinition, TargetServer


PLACEMENT_TAGS = (INITIAL_TABLETS_TAG, FORMER_INITIAL_TABLETS_TAG)
TABLETS = "0"
VNODES = "none"

NO_STREAMS = "streams don't work on tablets there"
"""Of what forbids tablets, the one that a table can do without."""

REPLICAS = 3
"""Of a table, where the cluster has as many nodes; else there is one (alternator/executor.cc)."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the restored table will be.

    Attributes:
        was: on tablets before; None if unknown.
        tablets: on tablets from now on; None if the server decides and doesn't tell.
        tag: the value of the tag to set; None for none.
        against_tablets: what forbids tablets there, in words.
    """

    was: bool | None
    tablets: bool | None
    tag: str | None
    against_tablets: tuple[str, ...]


def choose_placement(definition: TableDefinition, target: TargetServer) -> Placement:
    """Where the table goes; that what is wanted may be refused is for others to say."""
    recorded = next((definition.tags[tag] for tag in PLACEMENT_TAGS if tag in definition.tags), None)
    was = definition.tablets
    if was is None and recorded is not None:
        was = _asks_for_tablets(recorded)
    against = tuple(_against_tablets(definition, target, asked_for=recorded is not None))
    tablets = target.tablets_by_default if was is None else was
    if tablets is not False and against and target.vnodes_allowed:
        tablets = False
    if not target.vnodes_allowed:
        tablets = True
    return Placement(was, tablets, _tag(recorded, target, tablets=tablets), against)


def replicas(target: TargetServer) -> int | None:
    """How many Alternator makes in each data centre; None if unknown."""
    if target.nodes is None:
        return None
    return REPLICAS if target.nodes >= REPLICAS else 1


def _tag(recorded: str | None, target: TargetServer, *, tablets: bool | None) -> str | None:
    if tablets is None:
        return None
    if recorded is not None and _asks_for_tablets(recorded) == tablets:
        return recorded
    if recorded is None and tablets == target.tablets_by_default:
        return None
    return TABLETS if tablets else VNODES


def _asks_for_tablets(value: str) -> bool:
    try:
        int(value)
    except ValueError:
        return False
    return True


def _against_tablets(definition: TableDefinition, target: TargetServer, *, asked_for: bool) -> Iterator[str]:
    if definition.stream_view_type is not None and target.streams and not target.streams_on_tablets:
        yield NO_STREAMS
    if definition.time_to_live_attribute is not None and not target.ttl_on_tablets:
        yield "TTL doesn't work on tablets there"
    if not target.lwt_on_tablets and not asked_for:
        yield "conditional writes don't work on tablets there"
    if definition.global_indexes or definition.local_indexes or target.rack_valid_keyspaces:
        yield from _racks(target)


def _racks(target: TargetServer) -> Iterator[str]:
    """As many racks as replicas, or one replica (locator, assert_rf_rack_valid_keyspace; recorded)."""
    count = replicas(target)
    if count in {None, 1}:
        return
    for datacenter, racks in (target.racks or {}).items():
        if racks != count:
            yield f"on tablets it would need {count} racks, and {datacenter} has {racks}"
