"""SHA-256 of a stream in a thread of its own: hashing lets go of the interpreter's lock, so it costs no waiting."""

import hashlib
import threading
from queue import Queue


BLOCKS_WAITING = 2


class BackgroundSha256:
    """Takes a stream block by block; its thread runs from `start` to `stop`.

    Attributes:
        size_bytes: of the stream so far.
    """

    def __init__(self) -> None:
        self.size_bytes = 0
        self._sha256 = hashlib.sha256()
        self._blocks: Queue[bytes | None] = Queue(BLOCKS_WAITING)
        self._thread = threading.Thread(target=self._hash, name="sha256", daemon=True)

    def start(self) -> None:
        """Begin; once only."""
        self._thread.start()

    def update(self, block: bytes) -> None:
        """Hash `block` after those before it; waits while enough of them are waiting already."""
        self.size_bytes += len(block)
        self._blocks.put(block)

    def hexdigest(self) -> str:
        """The SHA-256 of everything, in hex; ends the thread."""
        self.stop()
        return self._sha256.hexdigest()

    def stop(self) -> None:
        """End the thread when it has hashed what is waiting; a second time does nothing."""
        if self._thread.is_alive():
            self._blocks.put(None)
            self._thread.join()

    def _hash(self) -> None:
        while (block := self._blocks.get()) is not None:
            self._sha256.update(block)
