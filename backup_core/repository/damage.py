"""Damage that reading a backup back has found: `damage.json` beside it, until a later reading finds none.

Lists only look at names and sizes. Without this they would go on calling it complete, and retention would keep it in
place of the last one that is good. Like a hold it is no part of the backup, whose own files stay as they are.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from backup_core.errors import BackupError, IntegrityError
from backup_core.repository import layout
from backup_core.repository.timestamps import parse_timestamp, timestamp


FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Damage:
    """What was found of a backup.

    Attributes:
        problem: for people; empty if nothing was found.
        found_at: None where nothing was found, or the file can't be read.
    """

    problem: str = ""
    found_at: datetime | None = None


def note_damage(found: IntegrityError, found_at: datetime, write: Callable[[bytes], None]) -> None:
    """Write down that what is stored isn't what it was; where that can't be done, the error says that, too.

    Args:
        found: what a verification ended with, as `verification.damaged` makes it.
        found_at: when.
        write: writes the content of the file.
    """
    problems = found.context["problems"]
    try:
        write(damage_content("; ".join(problems), found_at))
    except BackupError as error:
        unnoted = f"this could not be written down, so retention will count it as good: {error.message}"
        found.context["problems"] = (*problems, unnoted)
        found.hint = f"{found.hint} {unnoted[0].upper()}{unnoted[1:]}."


def damage_content(problem: str, found_at: datetime) -> bytes:
    """The content of the file: what was found, and when."""
    fields = {"format_version": FORMAT_VERSION, "found_at": timestamp(found_at), "problem": problem}
    return json.dumps(fields, indent=2).encode() + b"\n"


def parse_damage(content: bytes | None) -> Damage:
    """What was found of a backup, and when.

    Args:
        content: of the file, whatever it holds: its backup is damaged until it has been read back again. None if there
            is none.
    """
    if content is None:
        return Damage()
    try:
        fields = json.loads(content)
        found_at = parse_timestamp(fields["found_at"])
        return Damage(f"read back {found_at:%Y-%m-%d %H:%M} UTC: {fields['problem']}", found_at)
    except (ValueError, KeyError, TypeError, RecursionError):
        return Damage(f"{layout.DAMAGE} can't be read")
