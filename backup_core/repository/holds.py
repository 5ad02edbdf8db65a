"""Holds: `hold.json` beside a backup keeps it from being removed, until it is released.

It is no part of the backup: neither manifest.json nor SHA256SUMS know it, and none of the backup's files change. In
archive mode it stands in the backup's directory, so that it goes wherever that goes, and so that whoever has renamed
the directory away sees every hold that was placed before.
"""

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from backup_core.durable import read_file, sync_directory, write_file
from backup_core.errors import NotFoundError
from backup_core.repository import layout
from backup_core.repository.staging import temporary_directory
from backup_core.repository.timestamps import parse_timestamp, timestamp
from backup_core.storage_errors import storage_errors


FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Hold:
    """Who wants a backup to stay, since when and why.

    Attributes:
        held_by: a user's name, for people.
        held_at: None if the file can't be read: the backup is held even so.
        reason: empty if none was given.
    """

    held_by: str
    held_at: datetime | None
    reason: str = ""

    def __str__(self) -> str:
        """One line for people."""
        since = f" since {self.held_at:%Y-%m-%d}" if self.held_at else ""
        return f"held by {self.held_by}{since}{f': {self.reason}' if self.reason else ''}"


def hold_content(hold: Hold) -> bytes:
    """The content of the file."""
    fields = {
        "format_version": FORMAT_VERSION,
        "held_by": hold.held_by,
        "held_at": timestamp(hold.held_at) if hold.held_at else None,
        "reason": hold.reason,
    }
    return json.dumps(fields, indent=2).encode() + b"\n"


def parse_hold(content: bytes | None) -> Hold | None:
    """The hold that a file tells of, or None if there is no file.

    Args:
        content: of the file, whatever it holds: its backup is held, and only `release` ends that.
    """
    if content is None:
        return None
    try:
        fields = json.loads(content)
        return Hold(str(fields["held_by"]), parse_timestamp(fields["held_at"]), str(fields["reason"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return Hold(f"somebody ({layout.HOLD} can't be read)", None)


def read_hold(location: Path) -> Hold | None:
    """The hold on the backup in a directory, or None if there is none.

    Raises:
        BackupError: as the operating system refuses.
    """
    return parse_hold(read_file(f"{location}/{layout.HOLD}"))


def place_hold(root: Path, location: Path, hold: Hold) -> Hold:
    """Keep a backup from being removed, durably.

    Args:
        root: the repository.
        location: the backup's directory.
        hold: who, when and why.

    Returns:
        The hold that is in force: another one if there was one already, which stays as it is.

    Raises:
        NotFoundError: the backup has been removed meanwhile.
        BackupError: as the operating system refuses.
    """
    with temporary_directory(root, "hold") as prepared:
        write_file(prepared / layout.HOLD, hold_content(hold))
        path = location / layout.HOLD
        with storage_errors(path, "Failed to hold"):
            try:
                os.link(prepared / layout.HOLD, path)
            except FileExistsError:
                return read_hold(location) or hold
            except FileNotFoundError as error:
                raise _gone(location) from error
    # Also the last look whether it is still there: a directory that was renamed away may have taken the link along.
    _sync_present(location)
    return hold


def release_hold(location: Path) -> Hold | None:
    """Let go of a backup, durably; returns the hold that was on it, or None if there was none.

    Raises:
        BackupError: as the operating system refuses.
    """
    hold = read_hold(location)
    if hold is not None:
        with storage_errors(location / layout.HOLD, "Failed to release"):
            (location / layout.HOLD).unlink(missing_ok=True)
        sync_directory(location)
    return hold


def _sync_present(location: Path) -> None:
    if not location.is_dir():
        raise _gone(location)
    sync_directory(location)


def _gone(location: Path) -> NotFoundError:
    return NotFoundError(f"The backup {location.parent.name}/{location.name} has just been removed")
