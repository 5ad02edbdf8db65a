"""SSTables, archives and tars for tests of what a restore does with files."""

import io
import sys
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from backup_core.archive import ArchiveFormat
from backup_core.cancel import CancelToken
from backup_core.model import SourceFile, SSTable
from backup_core.restore.directories import open_directory
from backup_core.restore.source_archive import SourceArchive
from backup_core.restore.unpacking import Unpacked, unpack
from tests.archive_samples import archive, write_files


PREFIXES = ("me-3h5q_0x8t_5oh402uu8cvgm8nqsc-big", "me-7-big")
SCHEMA = b"CREATE TABLE alternator_users.users (pk text PRIMARY KEY) WITH gc_grace_seconds = 864000;"
MOST_BYTES = 1 << 24


def sstable_files(prefix: str, data: bytes = b"rows" * 1000) -> dict[str, bytes]:
    """The files of one SSTable by name, all of them true; TOC.txt isn't the last."""
    components = {
        "Data.db": data,
        "TOC.txt": b"Data.db\nDigest.crc32\nFilter.db\nTOC.txt\n",
        "Digest.crc32": str(zlib.crc32(data)).encode(),
        "Filter.db": b"bits",
    }
    return {f"{prefix}-{component}": content for component, content in components.items()}


def snapshot_files() -> dict[str, bytes]:
    """The files of a snapshot of two SSTables."""
    files = {"manifest.json": b'{"files":[]}', "schema.cql": SCHEMA}
    for number, prefix in enumerate(PREFIXES):
        files |= sstable_files(prefix, b"rows" * 1000 * (number + 1))
    return files


def own_archive(
    directory: Path, contents: Mapping[str, bytes], archive_format: ArchiveFormat = ArchiveFormat.TAR_GZ
) -> SourceArchive:
    """An archive of ours with these files, and what it has to hold."""
    directory.mkdir(exist_ok=True)
    path = directory / f"users_backup.{archive_format}"
    stored = archive(write_files(directory / "source", contents), path, archive_format)
    return SourceArchive(path, archive_format, "users", stored)


def member(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE) -> tuple[tarfile.TarInfo, bytes]:
    """A member of a tar, of any kind."""
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname = kind, len(content), "/etc/passwd" if kind in b"12" else ""
    return info, content


def legacy_archive(
    path: Path, members: list[tuple[tarfile.TarInfo, bytes]], tar_format: int = tarfile.GNU_FORMAT
) -> SourceArchive:
    """A tar.gz as the predecessor left it, with any members."""
    with tarfile.open(path, "w:gz", format=tar_format, compresslevel=1) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return SourceArchive(path, ArchiveFormat.TAR_GZ, "users", None, is_legacy=True)


def legacy_members(contents: Mapping[str, bytes]) -> list[tuple[tarfile.TarInfo, bytes]]:
    """What `tar czf ... -C DIRECTORY .` puts into its archive."""
    return [member("./", kind=tarfile.DIRTYPE), *(member(f"./{name}", body) for name, body in contents.items())]


def unpacked(source: SourceArchive, into: Path, *, most_bytes: int = MOST_BYTES) -> Unpacked:
    """Unpack everything, without anybody watching, into a directory that is made."""
    into.mkdir()
    with open_directory(into) as directory:
        return unpack(
            source,
            directory,
            wanted=lambda _: True,
            most_bytes=most_bytes,
            on_progress=lambda _: None,
            cancel=CancelToken(),
        )


def contents_of(directory: Path) -> dict[str, bytes]:
    """What a directory holds."""
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def write_sstables(directory: Path) -> tuple[SSTable, ...]:
    """Two SSTables in a directory, as staging has them."""
    directory.mkdir(parents=True, exist_ok=True)
    found = []
    for prefix in PREFIXES:
        files = sstable_files(prefix)
        for name, content in files.items():
            (directory / name).write_bytes(content)
        found.append(SSTable(prefix, tuple(SourceFile(name, len(content)) for name, content in files.items())))
    return tuple(found)


@dataclass
class LinkWatch:
    """Hears of every link that this process makes, by name, as long as `listened` lasts."""

    names: list[str] | None = None

    @contextmanager
    def listened(self) -> Iterator[list[str]]:
        """Names of the links that the block makes."""
        self.names = []
        try:
            yield self.names
        finally:
            self.names = None


LINKS = LinkWatch()


def _audited(event: str, arguments: tuple[object, ...]) -> None:
    if event == "os.link" and LINKS.names is not None:
        LINKS.names.append(str(arguments[1]))


sys.addaudithook(_audited)
