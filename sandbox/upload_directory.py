"""What the server finds in a table's `upload/`, and what it says of files that don't belong there."""

import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sandbox.rows import Row
from sandbox.sstable_data import UnreadableDataError, WrittenSchema, decode
from sandbox.sstables import sstable_prefix
from sandbox.version import VERSION_6_2, VERSION_2026_1


# The server ignores these, for those who copy a snapshot as it is.
_IGNORED = {"manifest.json", "schema.cql"}

_OPENED_FIRST = {"Data.db", "Index.db"}

# As Seastar numbers them.
_FILE_TYPES = {
    stat.S_IFBLK: 1,
    stat.S_IFCHR: 2,
    stat.S_IFIFO: 4,
    stat.S_IFLNK: 5,
    stat.S_IFSOCK: 7,
}

_MARSHAL = {
    "blob": "org.apache.cassandra.db.marshal.BytesType",
    "decimal": "org.apache.cassandra.db.marshal.DecimalType",
    "text": "org.apache.cassandra.db.marshal.UTF8Type",
}
_UNKNOWN_COMPRESSOR = (VERSION_2026_1.compressor, VERSION_6_2.compressor)

_TOC = "TOC.txt"
_TEMPORARY_TOC = "TOC.txt.tmp"


class LoadingError(Exception):
    """SSTables can't be loaded: the C++ type and the text of what went wrong on the server."""

    def __init__(self, kind: str, what: str) -> None:
        super().__init__(f"{kind} ({what})")


def malformed(what: str) -> LoadingError:
    """The error for files that are no SSTables, or damaged ones."""
    return LoadingError("sstables::malformed_sstable_exception", what)


@dataclass(frozen=True, slots=True)
class UploadedSSTable:
    """A complete SSTable in an `upload/`.

    Attributes:
        prefix: what its files' names start with.
        names: of all its files.
    """

    prefix: str
    names: tuple[str, ...]

    def rows(self, directory: Path, target: WrittenSchema) -> list[Row]:
        """Its rows, as a table with these columns can take them.

        Raises:
            LoadingError: it is damaged, none of the sandbox's, or from a table with other columns.
        """
        path = directory / f"{self.prefix}Data.db"
        data = path.read_bytes()
        problem = _damage(data, (directory / f"{self.prefix}Digest.crc32").read_text(errors="replace").strip())
        if problem is None:
            try:
                written, rows = decode(data)
            except UnreadableDataError as error:
                problem = str(error)
            else:
                problem = next(_mismatches(written, rows, target), None)
        if problem is not None:
            raise malformed(f"Failed to read partition from SSTable {path} due to {problem}")
        return rows


def uploaded_sstables(directory: Path, user_id: int) -> list[UploadedSSTable]:
    """The SSTables in a directory, in the order of their names. Those without a TOC.txt are removed, without a word.

    Directories are left alone, and so are the files of an SSTable that its TOC.txt doesn't list.

    Args:
        directory: an `upload/`.
        user_id: of the node's process, whom all files must belong to, unless it is root's.

    Raises:
        LoadingError: a file of somebody else, or one that is no part of an SSTable; a component that is missing.
    """
    paths = sorted(directory.iterdir())
    for path in paths:
        _check_owner(path, user_id)
    files: dict[str, list[str]] = {}
    for path in paths:
        if path.name in _IGNORED or path.is_dir():
            continue
        prefix = sstable_prefix(path.name)
        if prefix is None:
            raise malformed(f"invalid version for file {path.name}. Name doesn't match any known version.")
        files.setdefault(prefix, []).append(path.name)
    found = []
    for prefix, names in files.items():
        if prefix + _TOC in names and prefix + _TEMPORARY_TOC not in names:
            found.append(_complete(directory, prefix, names))
        else:
            for name in names:
                (directory / name).unlink()
    return found


def _check_owner(path: Path, user_id: int) -> None:
    status = path.lstat()
    if user_id not in {0, status.st_uid}:
        raise LoadingError(
            "std::runtime_error",
            f"File not owned by current euid: {user_id}. Owner is: {status.st_uid}",
        )
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        kind = _FILE_TYPES.get(stat.S_IFMT(status.st_mode), 0)
        raise LoadingError("std::runtime_error", f"Must be either a regular file or a directory (type={kind})")


def _complete(directory: Path, prefix: str, names: list[str]) -> UploadedSSTable:
    listed = {*(directory / (prefix + _TOC)).read_text(errors="replace").split(), _TOC}
    # The real node does without Filter.db, Summary.db and Digest.crc32.
    for component in sorted(listed):
        path = directory / (prefix + component)
        if path.name in names:
            continue
        if component in _OPENED_FIRST:
            raise LoadingError(
                "std::filesystem::__cxx11::filesystem_error",
                f"error system:2, filesystem error: open failed: No such file or directory [{path}]",
            )
        raise malformed(f"{path}: file not found")
    return UploadedSSTable(prefix, tuple(prefix + component for component in listed))


def _damage(data: bytes, digest: str) -> str | None:
    """What the real node says of a damaged chunk of data. A wrong digest alone it would not notice."""
    actual = zlib.crc32(data)
    if digest == str(actual):
        return None
    return f"compressed chunk of size {len(data)} at file offset 0 failed checksum, expected={digest}, actual={actual}"


def _mismatches(written: WrittenSchema, rows: list[Row], target: WrittenSchema) -> Iterator[str]:
    # Up to 6.2 the real node doesn't look, and then shows keys that are none.
    if written.key_types != target.key_types:
        yield f"keys of the types {written.key_types} instead of {target.key_types}"
    # Compression with dictionaries is unknown to versions without it.
    if (written.compressor, target.compressor) == _UNKNOWN_COMPRESSOR:
        yield f"unknown compressor {written.compressor}"
    for name, type_ in written.columns.items():
        expected = target.columns.get(name, type_)
        if type_ != expected:
            yield (
                f"{name} definition in serialization header does not match schema."
                f" Expected {_MARSHAL[expected]} but got {_MARSHAL[type_]}"
            )
    for row in rows:
        for name, cell in row.cells.items():
            # A column without any value in it is never looked for.
            if cell.in_column and name not in target.columns:
                yield f"Column {name} missing in current schema"
