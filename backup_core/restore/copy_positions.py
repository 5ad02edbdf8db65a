"""How far the copying of a table's items has come: one fsynced file for each segment of the scan.

They stand beside the record of the restore and go with it. What they say counts only for the two tables that they
name; a segment whose file can't be read is copied from its beginning, which does no harm.
"""

import json
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from backup_core.durable import read_file, replace_file
from backup_core.model import Table
from backup_core.storage_errors import storage_errors


FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Position:
    """How far one segment is copied.

    Attributes:
        items: that were written so far.
        next_key: where the scan goes on, as the node has sent it; None at the beginning and at the end.
        done: whether it is at the end.
    """

    items: int = 0
    next_key: Mapping[str, Any] | None = None
    done: bool = False


class CopyPositions:
    """The files of one copying, used by all of its threads.

    Args:
        directory: made with the first file.
        source, target: the tables.
        segments: how many the scan is split into.
    """

    def __init__(self, directory: Path, source: Table, target: Table, segments: int) -> None:
        self._directory = directory
        self._identity = {
            "format_version": FORMAT_VERSION,
            "source_id": source.id,
            "target_id": target.id,
            "segments": segments,
        }
        self._lock = threading.Lock()

    def read(self, segment: int) -> Position:
        """How far a segment had come.

        Raises:
            PermissionDeniedError, StorageError: its file can't be read.
        """
        content = read_file(self._path(segment))
        return Position() if content is None else self._parse(content)

    def write(self, segment: int, position: Position) -> None:
        """Remember how far a segment has come, durably.

        Raises:
            PermissionDeniedError, StorageError: it can't be written.
        """
        content = json.dumps({**self._identity, **asdict(position)}).encode()
        # To become the owner is the whole process's doing, so one thread at a time.
        with self._lock:
            replace_file(self._path(segment), content, parents=True)

    def _path(self, segment: int) -> Path:
        return self._directory / f"{segment}.json"

    def _parse(self, content: bytes) -> Position:
        try:
            fields = json.loads(content)
            if any(fields.pop(name) != value for name, value in self._identity.items()):
                return Position()
            return Position(**fields)
        except (ValueError, TypeError, KeyError, AttributeError):
            return Position()


def all_done(directory: Path, target: Table, segments: int) -> bool:
    """Whether every segment was copied into that very table, whatever has become of the source since.

    Raises:
        PermissionDeniedError, StorageError: a file can't be read.
    """
    with storage_errors(directory, "Failed to read how far items are copied"):
        contents = [path.read_bytes() for path in directory.glob("*.json")]
    return len(contents) == segments and all(_is_done(content, target, segments) for content in contents)


def _is_done(content: bytes, target: Table, segments: int) -> bool:
    try:
        fields = json.loads(content)
        return (fields["target_id"], fields["segments"], fields["done"]) == (target.id, segments, True)
    except (ValueError, TypeError, KeyError):
        return False
