"""Answers of the node that came with success but not with what was asked for."""

from collections.abc import Iterator
from contextlib import contextmanager

from backup_core.errors import NodeRefusedError


@contextmanager
def expected_shape(what: str) -> Iterator[None]:
    """Translate what goes wrong where an answer is taken apart: a proxy, another server, a version nobody knows.

    Raises:
        NodeRefusedError: the answer of `what` isn't what it should be.
    """
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise NodeRefusedError(
            f"The answer to {what} isn't what a ScyllaDB node answers ({type(error).__name__}).",
            hint="Is something else listening on that port?",
        ) from error
