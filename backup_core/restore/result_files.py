"""Files that say what came of a restore or a drill, beside a backup as a hold is, or in the state directory.

Neither manifest.json nor SHA256SUMS know those beside a backup. One that can't be understood counts as none.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from backup_core.context import Context
from backup_core.durable import read_file, replace_file
from backup_core.errors import BackupError
from backup_core.events import RESTORE_UNRECORDED
from backup_core.restore.model import BackupSource


_Result = TypeVar("_Result")


def write_result(path: Path, fields: Mapping[str, Any], *, parents: bool = False) -> None:
    """Write a result over the former one; errors and arguments as for `replace_file`.

    Args:
        path: of the file.
        fields: as JSON knows them.
        parents: make its directory, unless it is there.
    """
    replace_file(path, json.dumps(fields, indent=2, ensure_ascii=False).encode() + b"\n", parents=parents)


def read_result(path: Path, parse: Callable[[Mapping[str, Any]], _Result]) -> _Result | None:
    """What a file says; None if there is none, or it can't be understood.

    Args:
        path: of the file.
        parse: makes a result of its fields, or fails as code does that meets another shape than it expects.

    Raises:
        BackupError: as the operating system refuses.
    """
    content = read_file(path)
    if content is None:
        return None
    try:
        return parse(json.loads(content))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def write_beside(
    context: Context, sources: Sequence[BackupSource], write: Callable[[Path], None], *, table: str
) -> None:
    """Write a result beside each backup that was restored; that it can't be written changes nothing about it.

    Args:
        context: whose reporter hears where it can't.
        sources: the backups.
        write: writes it into a backup's directory.
        table: of the result, for the reporter.
    """
    for source in sources:
        location = source.listing.location
        try:
            write(location)
        except BackupError as error:
            context.reporter.warning(RESTORE_UNRECORDED, table=table, path=str(location), error=str(error))
