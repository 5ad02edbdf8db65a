"""Copies all items of one table into another: the way back for data files that a server with its indexes can't load.

The scan is split into segments, of which a few are copied at a time. Each page is written before its end is
remembered, so that an interrupted copying goes on where it was; what was written twice is what it was. Both tables
belong to the restore: nobody else writes meanwhile.
"""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import TypeVar

from backup_core.context import Context
from backup_core.errors import NodeUnavailableError
from backup_core.events import RESTORE_COPY_RETRIED, RESTORE_ITEMS_COPIED
from backup_core.model import Table
from backup_core.node.alternator_items import Item, Segment, put_items, scan_page
from backup_core.restore.copy_positions import CopyPositions, Position, all_done


SEGMENTS = 16
SEGMENTS_AT_A_TIME = 4
MOST_ITEMS = 25
"""Of one BatchWriteItem (DynamoDB's limit)."""
MOST_BYTES = 4 << 20
"""Of one BatchWriteItem, as JSON: the node refuses requests above 16 MB (alternator/server.cc)."""
ATTEMPTS = 9
"""In a row without any of it done, before the node is left alone."""
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 20.0
TOLD_EVERY_SECONDS = 5.0

T = TypeVar("T")


def copy_items(context: Context, source: Table, target: Table) -> int:
    """Write every item of a table into another, or those that an interrupted copying has left.

    Args:
        context: where the node is; its throttle slows this down.
        source: with everything loaded.
        target: with the same keys.

    Returns:
        How many items were written, those of the interrupted copying too.

    Raises:
        BackupError: the node refuses or is down, or it can't be remembered how far it came.
        RunCancelledError: a signal.
    """
    positions = CopyPositions(context.restores.positions_directory(target.name), source, target, SEGMENTS)
    return _Copying(context, source, target, positions).run()


def is_copied(context: Context, target: Table) -> bool:
    """Whether an interrupted restore had copied everything: once more would undo what clients have written since.

    Raises:
        BackupError: it can't be read how far it came.
    """
    return all_done(context.restores.positions_directory(target.name), target, SEGMENTS)


class _Copying:
    """All segments of one table."""

    def __init__(self, context: Context, source: Table, target: Table, positions: CopyPositions) -> None:
        self._context = context
        self._source = source
        self._target = target
        self._positions = positions
        self._reached = {number: positions.read(number) for number in range(SEGMENTS)}
        self._stopped = threading.Event()

    def run(self) -> int:
        pool = ThreadPoolExecutor(SEGMENTS_AT_A_TIME, thread_name_prefix="copy")
        try:
            segments = [pool.submit(copy_context().run, self._copy, number) for number in range(SEGMENTS)]
            self._await(segments)
        finally:
            self._stopped.set()
            pool.shutdown(cancel_futures=True)
        self._tell()
        return self._items

    @property
    def _items(self) -> int:
        return sum(position.items for position in self._reached.values())

    def _await(self, segments: Sequence[Future[None]]) -> None:
        """Tell of it every few seconds until all are copied, or one has failed."""
        waiting = set(segments)
        while waiting:
            done, waiting = wait(waiting, TOLD_EVERY_SECONDS, FIRST_EXCEPTION)
            for segment in done:
                segment.result()
            if waiting:
                self._tell()

    def _tell(self) -> None:
        done = sum(position.done for position in self._reached.values())
        self._context.reporter.event(
            RESTORE_ITEMS_COPIED, table=self._target.name, items=self._items, segments_done=done, segments=SEGMENTS
        )

    def _copy(self, number: int) -> None:
        alternator, segment = self._context.alternator, Segment(number, SEGMENTS)
        reached = self._reached[number]
        while not reached.done and not self._stopped.is_set():
            key = reached.next_key
            page = self._persistently(lambda key=key: scan_page(alternator, self._source.name, segment, key))  # type: ignore[misc]
            for batch in batches(page.items):
                self._write(batch)
            reached = Position(reached.items + len(page.items), page.next_key, done=page.next_key is None)
            self._positions.write(number, reached)
            self._reached[number] = reached

    def _write(self, items: Sequence[Item]) -> None:
        attempt = 0
        while items:
            self._context.throttle.passed(sum(map(_size_bytes, items)))
            batch = items
            left = self._persistently(lambda batch=batch: put_items(self._context.alternator, self._target.name, batch))  # type: ignore[misc]
            attempt = attempt + 1 if len(left) == len(items) else 0
            if left:
                self._pause(attempt, f"BatchWriteItem left {len(left)} of {len(items)} items")
            items = left

    def _persistently(self, request: Callable[[], T]) -> T:
        """What a request answers, sent again as long as there is hope that the node comes back."""
        attempt = 0
        while True:
            try:
                return request()
            except NodeUnavailableError as error:
                attempt += 1
                self._pause(attempt, str(error))

    def _pause(self, attempt: int, why: str) -> None:
        if attempt >= ATTEMPTS or self._stopped.is_set():
            raise NodeUnavailableError(
                f"The items of '{self._target.name}' can't be written: {why}",
                hint="See whether the node is overloaded.",
            )
        pause_seconds = min(FIRST_PAUSE_SECONDS * 2**attempt, LONGEST_PAUSE_SECONDS)
        self._context.reporter.warning(
            RESTORE_COPY_RETRIED, table=self._target.name, error=why, delay_seconds=pause_seconds
        )
        self._context.cancel.sleep(pause_seconds)


def batches(items: Sequence[Item]) -> Iterator[tuple[Item, ...]]:
    """Items as they go into one request each: not too many, not too large; one that is too large goes alone."""
    batch: list[Item] = []
    batch_bytes = 0
    for item in items:
        size_bytes = _size_bytes(item)
        if batch and (len(batch) == MOST_ITEMS or batch_bytes + size_bytes > MOST_BYTES):
            yield tuple(batch)
            batch, batch_bytes = [], 0
        batch.append(item)
        batch_bytes += size_bytes
    if batch:
        yield tuple(batch)


def _size_bytes(item: Item) -> int:
    """As it stands in a request, all but."""
    return len(json.dumps(item))
