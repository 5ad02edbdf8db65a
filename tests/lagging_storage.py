"""A store whose listings are late: they show what there was at a moment, until they catch up."""

from collections.abc import Iterator

from backup_core.clock import Clock
from backup_core.repository.storage.memory import MemoryStorage
from backup_core.repository.storage.protocol import ObjectInfo


class LaggingStorage(MemoryStorage):
    """Lists all there is until `freeze`, and then what there was."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._frozen: list[ObjectInfo] | None = None

    def freeze(self) -> None:
        """From now on, lists show what is there now."""
        self._frozen = list(super().list(""))

    def hide(self, part: str) -> None:
        """From now on, lists show what is there now, without keys that have this in them."""
        self._frozen = [info for info in super().list("") if part not in info.key]

    def catch_up(self) -> None:
        """Lists are what they should be again."""
        self._frozen = None

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """As of when it was frozen."""
        if self._frozen is None:
            return super().list(prefix)
        return iter([info for info in self._frozen if info.key.startswith(prefix)])
