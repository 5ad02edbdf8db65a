"""What came of the last restore of a backup: `restored.json` beside it.

It tells whoever looks at the backup that it came back once, and how.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from backup_core.repository.timestamps import parse_timestamp, timestamp
from backup_core.restore.model import ProofLine, RestoreResult
from backup_core.restore.result_files import parse_result, result_content


FORMAT_VERSION = 1


def restored_content(result: RestoreResult) -> bytes:
    """The content of the file."""
    return result_content(result_fields(result))


def parse_restored(content: bytes | None) -> RestoreResult | None:
    """The result that a file tells of; None if there is none, or it can't be understood."""
    return parse_result(content, _parse)


def result_fields(result: RestoreResult) -> dict[str, Any]:
    """A result as JSON holds it."""
    return {
        "format_version": FORMAT_VERSION,
        **asdict(result),
        "restored_at": timestamp(result.restored_at),
        "proven": result.proven,
        "proof": [{**asdict(line), "holds": line.holds} for line in result.proof],
    }


def _parse(fields: Mapping[str, Any]) -> RestoreResult:
    return RestoreResult(
        restored_at=parse_timestamp(fields["restored_at"]),
        target=str(fields["target"]),
        table_id=str(fields["table_id"]),
        items=int(fields["items"]),
        index_items={str(name): int(count) for name, count in fields["index_items"].items()},
        proof=tuple(ProofLine(*(str(line[key]) for key in ("what", "backup", "restored"))) for line in fields["proof"]),
        coverage=None if fields["coverage"] is None else float(fields["coverage"]),
        not_done=tuple(map(str, fields["not_done"])),
        duration_seconds=float(fields["duration_seconds"]),
    )
