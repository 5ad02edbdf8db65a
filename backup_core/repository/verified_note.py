"""`verified.json` beside a backup: when it was looked at, how deep, and since when all of it has been read back."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from backup_core.errors import BackupError, NotFoundError, RunCancelledError
from backup_core.repository.timestamps import parse_timestamp, timestamp


FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class VerifiedNote:
    """What verifications have found right.

    Attributes:
        manifest_sha256: of the backup that this is about: nothing is said of another one that has taken its place.
        verified_at: when somebody last looked.
        fraction: of the stored bytes, as it was asked for: 0 for names and sizes only, 1 for all.
        objects, read_bytes: how many objects there are, and how many bytes were read then.
        read_since: every byte has been read back and found right since; None while some never were.
    """

    manifest_sha256: str
    verified_at: datetime
    fraction: float
    objects: int
    read_bytes: int
    read_since: datetime | None

    def to_json(self) -> bytes:
        """The content of the file."""
        fields = {
            "format_version": FORMAT_VERSION,
            "manifest_sha256": self.manifest_sha256,
            "verified_at": timestamp(self.verified_at),
            "fraction": self.fraction,
            "objects": self.objects,
            "read_bytes": self.read_bytes,
            "read_since": timestamp(self.read_since) if self.read_since else None,
        }
        return json.dumps(fields, indent=2).encode() + b"\n"


def parse_verified(content: bytes | None) -> VerifiedNote | None:
    """What such a file says; None if there is none, or it says nothing that can be understood.

    Args:
        content: of the file.
    """
    if content is None:
        return None
    try:
        fields = json.loads(content)
        if fields["format_version"] != FORMAT_VERSION:
            return None
        return VerifiedNote(
            manifest_sha256=str(fields["manifest_sha256"]),
            verified_at=parse_timestamp(fields["verified_at"]),
            fraction=float(fields["fraction"]),
            objects=int(fields["objects"]),
            read_bytes=int(fields["read_bytes"]),
            read_since=parse_timestamp(fields["read_since"]) if fields["read_since"] is not None else None,
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def why_unnoted(write: Callable[[], None]) -> str:
    """Write something down that isn't worth failing for, as where a bucket may only be read.

    Returns:
        Why it couldn't be written; empty if it was.

    Raises:
        NotFoundError: there is nothing any more that it could be about.
        RunCancelledError: the wait for it was ended.
    """
    try:
        write()
    except (RunCancelledError, NotFoundError):
        raise
    except BackupError as error:
        return error.message
    return ""


def read_back_at(content: bytes | None, manifest_sha256: str) -> datetime | None:
    """Since when every byte of a backup has been read back; None if that can't be said.

    Args:
        content: of the file; None if there is none.
        manifest_sha256: of the backup's manifest.
    """
    note = parse_verified(content)
    return note.read_since if note is not None and note.manifest_sha256 == manifest_sha256 else None
