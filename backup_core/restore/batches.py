"""How much is loaded at a time: what is staged and what the node writes of it have to be on the data disk together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backup_core.model import SSTable


MOST_BATCH_BYTES = 32 << 30
"""However much space there is: a batch that fails is loaded again as a whole."""

MOST_REPLICAS = 3
"""Alternator makes as many, or one where there are fewer nodes (alternator/executor.cc)."""


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """How the SSTables of a restore go through the free space.

    Attributes:
        stages_all: everything is unpacked once, before anything is loaded; else each batch when its turn comes.
        batch_bytes: how large a batch may be.
        needed_bytes: the least that has to be free; more than there is means that it can't be done.
    """

    stages_all: bool
    batch_bytes: int
    needed_bytes: int


def plan_load(
    sstables: Sequence[SSTable], available_bytes: int, *, nodes: int | None, most_batch_bytes: int = MOST_BATCH_BYTES
) -> LoadPlan:
    """Decide what is staged at a time.

    While a batch is loaded, both its files and what the node has written of it are there; afterwards its files are
    gone. Of what is loaded this node gets its share, going by the number of nodes.

    Args:
        sstables: of all backups that are restored.
        available_bytes: on the data disk, above what has to stay free.
        nodes: of the data centre; None counts as one.
        most_batch_bytes: how large a batch may be, however much space there is.
    """
    total_bytes = sum(sstable.size_bytes for sstable in sstables)
    largest_bytes = max((sstable.size_bytes for sstable in sstables), default=0)
    loaded_bytes = -(-total_bytes * MOST_REPLICAS // nodes) if nodes and nodes > MOST_REPLICAS else total_bytes
    stages_all = total_bytes + largest_bytes <= available_bytes
    spare_bytes = available_bytes - (total_bytes if stages_all else loaded_bytes)
    return LoadPlan(stages_all, max(min(spare_bytes, most_batch_bytes), 0), loaded_bytes + largest_bytes)


def batches(sstables: Iterable[SSTable], most_bytes: int) -> tuple[tuple[SSTable, ...], ...]:
    """SSTables in their order, as many together as fit; one that is larger stands alone."""
    found: list[list[SSTable]] = []
    size_bytes = 0
    for sstable in sstables:
        if not found or size_bytes + sstable.size_bytes > most_bytes:
            found.append([])
            size_bytes = 0
        found[-1].append(sstable)
        size_bytes += sstable.size_bytes
    return tuple(map(tuple, found))
