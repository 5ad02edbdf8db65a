"""What came of a drill, in words."""

from collections.abc import Iterator

from backup_core.restore.coverage import percent
from backup_core.restore.drill_results import DrillResult, Sample
from backup_core.sizes import human_size


def drill_lines(result: DrillResult) -> Iterator[str]:
    """A few lines for people."""
    state = "came back as it was" if result.good else "did NOT come back as it was"
    yield f"{result.drilled_at:%Y-%m-%d %H:%M:%S} UTC: {result.table}/{result.tag} {state}, in a drill."
    counts = [f"{result.items} items", *(f"{count} in {name}" for name, count in (result.index_items or {}).items())]
    part = "an unknown part" if result.coverage is None else percent(result.coverage)
    yield f"It has {', '.join(counts)}; the backup covers {part} of the token ring."
    if result.sample is not None:
        yield _sample_line(result.sample)
    size = human_size(result.size_bytes)
    yield f"A restore of its {size} takes {result.restore_seconds:.1f} s here, from check to proof."
    for problem in result.problems:
        yield f"Wrong: {problem}"


def _sample_line(sample: Sample) -> str:
    if sample.not_compared:
        return f"Not compared with the live table: {sample.not_compared}."
    line = (
        f"Of {sample.items} items compared with the live table {sample.same} are the same, {sample.changed} differ and "
        f"{sample.missing} are not there"
    )
    since = ": written since the snapshot, as far as can be told" if sample.changed or sample.missing else ""
    return f"{line}{since}."
