"""Does the same to many things, a few at a time: each of them waits for a store more than it works."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar


WORKERS = 8
"""A store's clients keep ten connections (botocore's default)."""

T = TypeVar("T")
R = TypeVar("R")


def in_parallel(work: Callable[[T], R], items: Iterable[T], *, workers: int = WORKERS) -> Iterator[R]:
    """What comes of each item, in their order; no more of them are begun than are soon taken.

    Args:
        work: what to do; called in other threads, with the lines of this one's run bound to theirs.
        items: what to do it to.
        workers: how many at a time.

    Raises:
        Exception: what the first item raised whose turn it is; nothing further is begun then.
    """
    under_way: deque[Future[R]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="store") as pool:
        try:
            for item in items:
                under_way.append(pool.submit(copy_context().run, work, item))
                if len(under_way) >= 2 * workers:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()
