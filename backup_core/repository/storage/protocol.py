"""What a repository asks of the place where its objects are: put, get, stat, list, delete.

Differences between places are data (`Capabilities`), never asked by type. Retrying and throttling are wrappers with
the same interface: who puts an object doesn't know of them. `tests/contract/test_storage.py` holds every
implementation to these docstrings.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Self


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a storage can do beyond the least.

    Attributes:
        conditional_put: `if_absent` is decided by the store itself; else by a look before.
        checksums: the store refuses content whose checksum isn't the one that came along.
        batch_delete: many keys go with one request.
        resumes_parts: what was sent of a large object before a crash needn't be sent again.
    """

    conditional_put: bool
    checksums: bool
    batch_delete: bool
    resumes_parts: bool


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object as the store tells of it.

    Attributes:
        modified_at: when it was put, by the store's clock.
        etag: changes when the content does; None where the store tells nothing of the kind.
    """

    key: str
    size_bytes: int
    modified_at: datetime
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """What is put.

    Attributes:
        blocks: gives the whole content from its beginning each time that it is called; none of the blocks is empty.
            What it raises ends the put with nothing stored. The iterator is closed, whatever happens.
        most_bytes: how large it may become, as far as that is known before; the exact size where `is_exact`.
        is_exact: whether it is just as large as `most_bytes`.
    """

    blocks: Callable[[], Iterator[bytes]]
    most_bytes: int
    is_exact: bool = True

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Of bytes that are in memory."""
        return cls(lambda: iter((content,) if content else ()), len(content))

    @contextmanager
    def opened(self) -> Iterator[Iterator[bytes]]:
        """Its blocks, from the beginning, for the block: then they are closed, where they can be."""
        blocks = self.blocks()
        try:
            yield blocks
        finally:
            if isinstance(blocks, Generator):
                blocks.close()


class Storage(Protocol):
    """Objects by key: text with `/` between its parts, none of which is empty, `.` or `..`.

    Thread-safe. Every method raises StorageUnavailableError (retryable) where the store can't be reached or asks to
    come again, PermissionDeniedError where it refuses the credentials, NotFoundError where the bucket or the root
    directory isn't there (the first put makes a directory, nobody makes a bucket), StorageFullError where there is no
    room, StorageError for what else it says or for what can't be a key (`keys`), and RunCancelledError where the wait
    was cancelled.

    Attributes:
        address: where it is, for people: a path, or s3://bucket/prefix.
        capabilities: may lose some while it is used, where a store turns out to do less than it should.
    """

    @property
    def address(self) -> str:
        """As above."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """As above."""
        ...

    def put(self, key: str, content: Content, *, if_absent: bool = False) -> ObjectInfo:
        """Store an object: all of it or nothing, over what had that key before.

        Args:
            key: its key.
            content: what is stored.
            if_absent: refuse where there is such an object.

        Returns:
            The object, with the size of what was taken from `content`.

        Raises:
            ObjectExistsError: there is one, and `if_absent` was given.
            BackupError: whatever `content.blocks` raises.
        """
        ...

    def get(self, key: str, *, offset_bytes: int = 0) -> AbstractContextManager[Iterator[bytes]]:
        """The content of an object, block by block.

        Args:
            key: its key.
            offset_bytes: how much of its beginning is left out; up to its size.

        Raises:
            ObjectNotFoundError: there is none, on entering.
        """
        ...

    def stat(self, key: str) -> ObjectInfo | None:
        """An object, or None if there is none."""
        ...

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """All objects whose keys start with `prefix`, in the order of their keys.

        What somebody else has put there under a name that can't be a key is left out.
        """
        ...

    def folders(self, prefix: str) -> Iterator[str]:
        """The distinct next parts of the keys that start with `prefix` and go on behind another `/`.

        They come in the order of the keys: "a-b" before "a", as "a-b/c" stands before "a/c".

        Args:
            prefix: empty, or ends with `/`.
        """
        ...

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; those that aren't there are none to fail for. A power cut after it brings none of them back.

        Raises:
            BackupError: as the store refuses; others of the keys may be gone.
        """
        ...

    def clear_up(self, before: datetime) -> tuple[str, ...]:
        """Remove what puts that are dead have left half-done: temporary files, uploads that were never completed.

        Args:
            before: what was begun since then stays where it can't be known whether its writer lives, and to be resumed.

        Returns:
            What was removed, for people.
        """
        ...

    def unfinished(self) -> tuple[str, ...]:
        """What puts have begun and not ended, for people: some of them may be under way. Empty where nobody tells."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
