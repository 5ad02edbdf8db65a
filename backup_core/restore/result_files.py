"""Files that say what came of a restore or a drill, beside a backup as a hold is, or in the state directory.

Neither manifest nor SHA256SUMS know those beside a backup. One that can't be understood counts as none.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from backup_core.errors import BackupError
from backup_core.events import RESTORE_UNRECORDED
from backup_core.restore.model import BackupSource


if TYPE_CHECKING:
    from backup_core.context import Context


_Result = TypeVar("_Result")


def result_content(fields: Mapping[str, Any]) -> bytes:
    """The content of a file, of its fields as JSON knows them."""
    return json.dumps(fields, indent=2, ensure_ascii=False).encode() + b"\n"


def parse_result(content: bytes | None, parse: Callable[[Mapping[str, Any]], _Result]) -> _Result | None:
    """What a file says; None if there is none, or it can't be understood.

    Args:
        content: of the file; None if there is none.
        parse: makes a result of its fields, or fails as code does that meets another shape than it expects.
    """
    if content is None:
        return None
    try:
        return parse(json.loads(content))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def write_beside(context: "Context", sources: Sequence[BackupSource], name: str, content: bytes, *, table: str) -> None:
    """Write a result beside each backup that was restored; that it can't be written changes nothing about it.

    Args:
        context: whose reporter hears where it can't.
        sources: the backups.
        name: of the file.
        content: of the file.
        table: of the result, for the reporter.
    """
    for source in sources:
        try:
            source.repository.write_note(source.listing, name, content)
        except BackupError as error:
            context.reporter.warning(RESTORE_UNRECORDED, table=table, path=source.listing.location, error=str(error))
