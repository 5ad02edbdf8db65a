"""The views of indexes catch up with what was loaded, or with a table that was there before them: a little later."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sandbox.catalog import Catalog, Index, Table
from sandbox.items import Items
from sandbox.rows import ItemJson


Seen = Callable[[Table, Sequence[ItemJson]], None]
"""What is done once the views show the items with these keys."""


@dataclass(frozen=True, slots=True)
class _Step:
    due: float
    table: Table
    names: Sequence[str]
    keys: Sequence[ItemJson]
    seen: Seen
    builds: bool


class ViewUpdates:
    """Fills the views, step by step, in a thread of its own.

    Args:
        catalog: the node's tables, whose lock guards this too.
        items: knows what the views show.
        delay_seconds: how long a step takes; with 0 it is done at once, before the request is answered.
    """

    def __init__(self, catalog: Catalog, items: Items, *, delay_seconds: float) -> None:
        self._catalog = catalog
        self._items = items
        self._delay_seconds = delay_seconds
        self._steps: deque[_Step] = deque()
        self._changed = threading.Condition(catalog.lock)
        self._held = False
        self._stopped = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Work, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Work no more; what waits is left. No step is under way when this returns: each holds the lock."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def hold(self) -> None:
        """Let all views wait until `release`: for tests of what is asked meanwhile."""
        with self._changed:
            self._held = True

    def release(self) -> None:
        """Go on."""
        with self._changed:
            self._held = False
            self._changed.notify_all()

    def update(self, table: Table, names: Sequence[str], keys: Sequence[ItemJson], seen: Seen) -> None:
        """Let the views behind these indexes catch up with the items with these keys: a first half, then all."""
        if len(keys) > 1 and self._delay_seconds:
            self._enqueue(table, names, keys[: len(keys) // 2], lambda *_: None, builds=False)
        self._enqueue(table, names, keys, seen, builds=False)

    def build(self, table: Table, index: Index, keys: Sequence[ItemJson], seen: Seen) -> None:
        """Fill the view of a new index."""
        self._enqueue(table, [index.name], keys, seen, builds=True)

    def is_built(self, table: Table, index: Index) -> bool:
        """Whether the view of an index is told to have seen all that was there when it was made; loads don't count."""
        with self._changed:
            waits = index.is_build_lost or time.monotonic() < index.built_after
            return not waits and not any(
                step.builds and step.table is table and index.name in step.names for step in self._steps
            )

    def _enqueue(
        self, table: Table, names: Sequence[str], keys: Sequence[ItemJson], seen: Seen, *, builds: bool
    ) -> None:
        with self._changed:
            after = max(time.monotonic(), self._steps[-1].due if self._steps else 0.0)
            step = _Step(after + self._delay_seconds, table, names, keys, seen, builds)
            if self._delay_seconds or self._held or self._steps:
                self._steps.append(step)
                self._changed.notify_all()
            else:
                self._do(step)

    def _run(self) -> None:
        with self._changed:
            while not self._stopped:
                wait_seconds = self._steps[0].due - time.monotonic() if self._steps else None
                if self._held or wait_seconds is None or wait_seconds > 0:
                    self._changed.wait(None if self._held else wait_seconds)
                else:
                    self._do(self._steps[0])
                    self._steps.popleft()

    def _do(self, step: _Step) -> None:
        table = step.table
        # Nobody waits for a table that is dropped.
        if self._catalog.tables.get(table.name) is table:
            self._items.catch_up(table, step.names, step.keys)
            step.seen(table, step.keys)
