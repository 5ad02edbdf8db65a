"""What came of a restore, as `restore` and `show` print it: the proof, side by side, and a line about all of it."""

from collections.abc import Iterator, Sequence

from backup_core.errors import BackupError, IncompleteError, IntegrityError
from backup_core.restore.coverage import percent
from backup_core.restore.model import ProofLine, RestoreResult
from daemon.output import Output


def print_result(output: Output, result: RestoreResult) -> None:
    """The proof, what was counted, and what is left to do."""
    output.table(("what", "backup", "restored", "proof"), [_row(line) for line in result.proof])
    output.data("")
    for line in _summary(result):
        output.data(line)
    for left in result.not_done:
        output.warning(f"Left to do: {left}")


def result_error(result: RestoreResult) -> BackupError | None:
    """Why a restore that has come to its end isn't all that it should be; None if it is."""
    differing = [line.what for line in result.proof if not line.holds]
    if differing:
        return IntegrityError(
            f"Table '{result.target}' is there, and isn't what the backup says: {', '.join(differing)}.",
            hint="The proof shows both, side by side.",
        )
    if result.coverage is not None and result.coverage < 1:
        return IncompleteError(
            f"Table '{result.target}' has the items of {coverage_text(result.coverage)} of the token ring.",
            hint="The backups of the other nodes with that tag have the rest.",
        )
    if result.not_done:
        return IncompleteError(
            f"Table '{result.target}' is there and proven; {len(result.not_done)} thing(s) are left."
        )
    return None


def coverage_text(coverage: float | None) -> str:
    """Part of the token ring, in words."""
    return "an unknown part" if coverage is None else percent(coverage)


def _summary(result: RestoreResult) -> Iterator[str]:
    proven = "proven" if result.proven else "NOT what the backup says"
    yield (
        f"{result.restored_at:%Y-%m-%d %H:%M:%S} UTC: restored as {result.target} (id {result.table_id}) in "
        f"{result.duration_seconds:.1f} s: {proven}."
    )
    counts = [f"{result.items} items", *(f"{count} in {name}" for name, count in result.index_items.items())]
    yield f"It has {', '.join(counts)}; the backups cover {coverage_text(result.coverage)} of the token ring."


def _row(line: ProofLine) -> Sequence[str]:
    return line.what, line.backup, line.restored, "same" if line.holds else "different"
