"""Damage that reading a backup back has found: `damage.json` in its directory, until a later reading finds none.

Lists only look at names and sizes. Without this they would go on calling it complete, and retention would keep it in
place of the last one that is good. Like a hold it is no part of the backup, whose own files stay as they are.
"""

import json
from datetime import datetime
from pathlib import Path

from backup_core.durable import read_file, sync_directory, write_file
from backup_core.repository import layout
from backup_core.repository.staging import temporary_directory
from backup_core.repository.timestamps import parse_timestamp, timestamp
from backup_core.storage_errors import storage_errors


FORMAT_VERSION = 1


def note_damage(root: Path, location: Path, problem: str, found_at: datetime) -> None:
    """Write down, durably, that what is stored isn't what it was.

    Args:
        root: the repository.
        location: the backup's directory.
        problem: what was found.
        found_at: when.

    Raises:
        BackupError: as the operating system refuses.
    """
    fields = {"format_version": FORMAT_VERSION, "found_at": timestamp(found_at), "problem": problem}
    with temporary_directory(root, "damage") as prepared:
        write_file(prepared / layout.DAMAGE, json.dumps(fields, indent=2).encode() + b"\n")
        with storage_errors(location / layout.DAMAGE, "Failed to write"):
            (prepared / layout.DAMAGE).rename(location / layout.DAMAGE)
        sync_directory(location)


def read_damage(location: Path) -> str:
    """What was found of the backup in a directory, and when; empty if nothing was.

    Raises:
        BackupError: as the operating system refuses.
    """
    content = read_file(f"{location}/{layout.DAMAGE}")
    return "" if content is None else _parse(content)


def withdraw_damage(location: Path) -> None:
    """Every byte was found to be right by now, as after the backup was copied back from elsewhere.

    Raises:
        BackupError: as the operating system refuses.
    """
    path = location / layout.DAMAGE
    with storage_errors(path, "Failed to remove"):
        try:
            path.unlink()
        except FileNotFoundError:
            return
    sync_directory(location)


def _parse(content: bytes) -> str:
    """Whatever the file holds, its backup is damaged until it has been read back again."""
    try:
        fields = json.loads(content)
        return f"read back {parse_timestamp(fields['found_at']):%Y-%m-%d %H:%M} UTC: {fields['problem']}"
    except (ValueError, KeyError, TypeError, RecursionError):
        return f"{layout.DAMAGE} can't be read"
