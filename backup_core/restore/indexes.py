"""Waits until the indexes are as full as they will get. Loading is answered before they are, and nothing tells when.

An index holds exactly the items that have all of its keys, each of the right type. So the table is counted once for
each set of keys, and then the indexes are counted until they hold as many. That reads all of the table; the pauses
between two counts of an index are as long as the counts, and there is one at a time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backup_core.context import Context
from backup_core.errors import NodeRefusedError, NotFoundError
from backup_core.events import RESTORE_INDEX_FILLING, RESTORE_ITEMS_COUNTED
from backup_core.model import Table
from backup_core.node.alternator_writes import KeysPresent, count_items


POLL_SECONDS = 0.2
TOLD_EVERY_SECONDS = 5.0
STALL_SECONDS = 120.0
"""How long an index may stay as it is, and less full than it should be, before it is given up."""
BUILD_PATIENCE = 10
"""So many times as long while a node says that it is still building the index."""
UNSTARTED_SECONDS = 10.0
"""How long to wait for the build of an index that is full, if no node says that it has begun. ScyllaDB 2026.1 can lose
the state of an index whose table was dropped and created again, and then never tells of an end."""

_ACTIVE = "ACTIVE"


@dataclass(frozen=True, slots=True)
class Counts:
    """How many items there are.

    Attributes:
        items: in the table.
        index_items: in each index.
        short: indexes that stayed less full than they should be, or aren't active, in words.
    """

    items: int
    index_items: Mapping[str, int]
    short: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Index:
    """An index, and the attributes that an item needs to be in it, with their types."""

    name: str
    view: str
    needs: Mapping[str, str]


def await_indexes(context: Context, table: Table, *, stall_seconds: float = STALL_SECONDS) -> Counts:
    """Count the table, and its indexes until they are full.

    Args:
        context: where the node is.
        table: with its data loaded.
        stall_seconds: how long to wait for an index that doesn't change.

    Raises:
        BackupError: the node can't be asked, or the role may not read the table.
        RunCancelledError: a signal.
    """
    indexes = _indexes(table, context.alternator.describe_table(table.name))
    items, expected = _expected(context, table, indexes)
    context.reporter.event(RESTORE_ITEMS_COUNTED, table=table.name, items=items)
    counted: dict[str, int] = {}
    short = []
    for index in indexes:
        wanted = expected[frozenset(index.needs.items())]
        counted[index.name] = count = _Filling(context, table, index, wanted, stall_seconds).await_end()
        if count < wanted:
            short.append(
                f"Index {index.name} holds {count} items and should hold {wanted}; it has not changed for "
                f"{stall_seconds:g} seconds. See whether ScyllaDB's log tells of failed view updates, then count again."
            )
    return Counts(items, counted, (*short, *_await_active(context, table)))


def _await_active(context: Context, table: Table) -> tuple[str, ...]:
    """Indexes that DescribeTable doesn't call active even after a while, in words; old servers call them nothing."""
    deadline = context.clock.monotonic() + UNSTARTED_SECONDS
    while True:
        description = context.alternator.describe_table(table.name)
        states = {
            index["IndexName"]: index.get("IndexStatus", _ACTIVE)
            for kind in ("Global", "Local")
            for index in description.get(f"{kind}SecondaryIndexes") or ()
        }
        inactive = {name: state for name, state in states.items() if state != _ACTIVE}
        if not inactive or context.clock.monotonic() > deadline:
            return tuple(
                f"Index {name} is told as {state}. If it stays so though it is full, the server has lost how far its "
                "build is: delete the table, raise node.index_memory_seconds, and restore it again."
                for name, state in inactive.items()
            )
        context.cancel.sleep(POLL_SECONDS)


class _Filling:
    """One index, while it is filled up to the number that it should hold."""

    def __init__(self, context: Context, table: Table, index: _Index, wanted: int, stall_seconds: float) -> None:
        self._context = context
        self._table = table
        self._index = index
        self._wanted = wanted
        self._stall_seconds = stall_seconds
        self._told_at = context.clock.monotonic()

    def await_end(self) -> int:
        """Count until it is full, or doesn't change any more; returns how many it holds."""
        clock, count = self._context.clock, -1
        changed_at = clock.monotonic()
        while True:
            started = clock.monotonic()
            former, count = count, self._count()
            ended = clock.monotonic()
            if count != former:
                changed_at = ended
            unfinished = self._unfinished()
            if count >= self._wanted and not unfinished:
                return count
            if ended - changed_at > self._patience_seconds(count, unfinished):
                return count
            self._tell(count)
            self._context.cancel.sleep(max(POLL_SECONDS, ended - started))

    def _count(self) -> int:
        return count_items(self._context.alternator, self._table.name, index=self._index.name).items

    def _unfinished(self) -> frozenset[str]:
        """What nodes say that haven't built the index yet; a version that tells nothing is not waited for."""
        try:
            states = self._context.rest.view_build_states(self._table.keyspace, self._index.view)
        except (NodeRefusedError, NotFoundError):
            return frozenset()
        return frozenset(states) - {"SUCCESS"}

    def _patience_seconds(self, count: int, unfinished: frozenset[str]) -> float:
        if count >= self._wanted and "STARTED" not in unfinished:
            return UNSTARTED_SECONDS
        return self._stall_seconds * (BUILD_PATIENCE if unfinished else 1)

    def _tell(self, count: int) -> None:
        now = self._context.clock.monotonic()
        if now - self._told_at >= TOLD_EVERY_SECONDS:
            self._told_at = now
            self._context.reporter.event(
                RESTORE_INDEX_FILLING,
                table=self._table.name,
                index=self._index.name,
                items=count,
                expected_items=self._wanted,
            )


def _indexes(table: Table, description: Mapping[str, Any]) -> list[_Index]:
    types = {each["AttributeName"]: each["AttributeType"] for each in description["AttributeDefinitions"]}
    own = {key["AttributeName"] for key in description["KeySchema"]}
    return [
        _Index(
            index["IndexName"],
            f"{table.name}{mark}{index['IndexName']}",
            {
                key["AttributeName"]: types[key["AttributeName"]]
                for key in index["KeySchema"]
                if key["AttributeName"] not in own
            },
        )
        for kind, mark in (("Global", ":"), ("Local", "!:"))
        for index in description.get(f"{kind}SecondaryIndexes") or ()
    ]


_Needs = frozenset[tuple[str, str]]


def _expected(context: Context, table: Table, indexes: list[_Index]) -> tuple[int, dict[_Needs, int]]:
    """How many items the table has, and how many have what an index needs; one scan for each set of such needs."""
    expected: dict[_Needs, int] = {}
    items: int | None = None
    for needs in {frozenset(index.needs.items()) for index in indexes} - {frozenset()}:
        count = count_items(context.alternator, table.name, condition=KeysPresent(dict(needs)))
        expected[needs], items = count.items, count.scanned
    if items is None:
        items = count_items(context.alternator, table.name).items
    return items, {**expected, frozenset(): items}
