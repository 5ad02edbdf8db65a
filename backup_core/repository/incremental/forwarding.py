"""An object of another repository on its way into this one, as it is stored there."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from backup_core.errors import StorageError
from backup_core.repository.incremental.encoding import object_suffix
from backup_core.repository.incremental.pieces import KnownObject, Piece, object_names
from backup_core.repository.incremental.sending import GoOn
from backup_core.repository.protocol import ReadStored
from backup_core.repository.storage.protocol import Content, ObjectInfo
from backup_core.source_files import FileIdentity


@dataclass(frozen=True, slots=True)
class Forwarded:
    """An object on its way, see `Sendable`.

    Attributes:
        source: as the other repository has it.
        read_stored: gives its content.
        heard: makes what hears how many bytes of it were read so far.
        go_on: called before each block.
    """

    source: KnownObject
    read_stored: ReadStored
    heard: Callable[[], Callable[[int], None]]
    go_on: GoOn

    @property
    def content(self) -> Content:
        """What is put; a content that isn't what it should be isn't stored."""
        return Content(self._blocks, self.source.stored.stored_size_bytes)

    @property
    def identities(self) -> Mapping[FileIdentity, str]:
        """None: no file was read."""
        return {}

    def names(self) -> Iterator[str]:
        """What a run of this node would call it."""
        stored = self.source.stored
        role: Literal["data", "components"] = "data" if stored.role == "data" else "components"
        suffix = object_suffix(is_compressed=stored.compression != "none", is_encrypted=stored.encryption != "none")
        return object_names(Piece(role, self.source.generation, ()), suffix, lambda: stored.plain_sha256)

    def known(self, name: str, info: ObjectInfo) -> KnownObject:
        """What is stored now."""
        stored = replace(self.source.stored, name=name, etag=info.etag)
        if info.size_bytes != stored.stored_size_bytes:
            raise StorageError(f"{name} was stored with {info.size_bytes} bytes, which isn't all of it")
        files = tuple(replace(file, object=name) for file in self.source.files)
        return replace(self.source, stored=stored, files=files)

    def _blocks(self) -> Iterator[bytes]:
        heard, read_bytes = self.heard(), 0
        with self.read_stored(self.source.stored) as blocks:
            for block in blocks:
                self.go_on()
                read_bytes += len(block)
                heard(read_bytes)
                yield block
