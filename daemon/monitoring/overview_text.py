"""The overview for people."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from backup_core.restore.drill_results import TableDrills
from backup_core.sizes import human_size
from daemon.history_records import Outcome, PastRun, TableError, TableVerified
from daemon.monitoring.holdings import DiskSpace, HeldSnapshot
from daemon.monitoring.overview import Overview, ScheduleStatus
from daemon.monitoring.service_status import RunningNow, ServiceStatus
from daemon.output import Output


def write(output: Output, overview: Overview) -> None:
    """Write all of it; what couldn't be looked at goes where messages go."""
    for line in _service(overview.service):
        output.data(line)
    alive = overview.service.alive
    _table(output, ("schedule", "last run", "outcome", "next"), [_schedule(s, alive=alive) for s in overview.schedules])
    _table(output, ("table", "last error", "since then", "what happened"), [_error(e) for e in overview.errors])
    _table(output, ("snapshot", "table", "only it holds", "run"), [_snapshot(s) for s in overview.snapshots])
    _table(output, ("disk of", "path", "free", "of", "has to stay free", "state"), [_disk(d) for d in overview.disks])
    _table(output, ("drilled", "last good drill", "restore takes", "last drill"), [_drill(d) for d in overview.drills])
    _table(output, ("verified", "last good", "last verification"), [_verified(v) for v in overview.verified])
    for problem in overview.problems:
        output.warning(f"WARNING - {problem}")


def _service(service: ServiceStatus) -> Iterator[str]:
    told = service.told
    if not service.alive:
        ended = f"; the last one was last heard of at {_time(told.updated_at)}" if told else ""
        yield f"The daemon isn't running{ended}."
        return
    if told is None:
        yield "The daemon is running."
        return
    yield f"The daemon is running: pid {told.pid}, since {_time(told.started_at)}."
    yield f"Settings of {told.settings.path}, loaded {_time(told.settings.loaded_at)}."
    if service.reload_error:
        yield f"They couldn't be reloaded, the old ones stay in force: {service.reload_error}"
    yield _running(told.running) if told.running else "Nothing runs now."
    for run in told.waiting:
        again = f", attempt {run.attempt}" if run.attempt > 1 else ""
        yield f"Waiting: {run.what} {run.tag} of schedule {_names(run.schedule)}{again}."


def _running(running: RunningNow) -> str:
    asked_by = f" of schedule {_names(running.schedule)}" if running.schedule else ""
    table = f", table {_names(running.table)}" if running.table else ""
    step = f", step {running.step}" if running.step else ""
    since = f", since {_time(running.started_at)}" if running.started_at else ""
    return f"Running now: {running.tag or running.run_id}{asked_by}{table}{step}{_progress(running)}{since}."


def _progress(running: RunningNow) -> str:
    if running.done_bytes is None or not running.total_bytes:
        return ""
    share = 100 * running.done_bytes // running.total_bytes
    return f", {human_size(running.done_bytes)} of {human_size(running.total_bytes)} ({share} %)"


def _schedule(schedule: ScheduleStatus, *, alive: bool) -> tuple[str, ...]:
    last = schedule.last_run
    if schedule.next_at:
        next_time = _time(schedule.next_at)
    else:
        next_time = "not loaded yet" if alive else "not while the daemon is down"
    return (
        schedule.name,
        _time(last.run.started_at) if last else "none",
        _outcome(last, alive=alive) if last else "",
        next_time,
    )


def _outcome(past: PastRun, *, alive: bool) -> str:
    if past.outcome is None:
        return "under way" if alive else str(Outcome.INTERRUPTED)
    counts = f"{past.succeeded} of {past.succeeded + past.failed} tables" if past.succeeded + past.failed else ""
    return ": ".join(filter(None, (past.outcome, past.error or counts)))


def _error(error: TableError) -> tuple[str, ...]:
    since = f"{error.what} succeeded" if error.succeeded_at else "no success"
    return (error.table, _time(error.failed_at), since, error.error)


def _snapshot(held: HeldSnapshot) -> tuple[str, ...]:
    size = "unknown" if held.held_bytes is None else human_size(held.held_bytes)
    return (held.entry.tag, held.entry.table_name, size, "alive" if held.alive else "dead: the next one clears it")


def _disk(disk: DiskSpace) -> tuple[str, ...]:
    sizes = (human_size(size_bytes) for size_bytes in (disk.free_bytes, disk.total_bytes, disk.floor_bytes))
    return (disk.what, str(disk.path), *sizes, "below the floor" if disk.below_floor else "ok")


def _drill(drills: TableDrills) -> tuple[str, ...]:
    good, last = drills.last_good, drills.last
    came_of_it = "good" if last.good else f"{_time(last.drilled_at)}: {'; '.join(last.problems)}"
    times = (_time(good.drilled_at), f"{good.restore_seconds:.1f} s") if good else ("none", "unknown")
    return (last.table, *times, came_of_it)


def _verified(verified: TableVerified) -> tuple[str, ...]:
    came_of_it = f": {verified.error}" if verified.error else f": {verified.outcome}"
    good_at = _time(verified.good_at) if verified.good_at else "none"
    return (verified.table, good_at, f"{_time(verified.verified_at)}{came_of_it}")


def _table(output: Output, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if rows:
        output.data("")
        output.table(columns, rows)


def _names(names: str | tuple[str, ...]) -> str:
    return names if isinstance(names, str) else ", ".join(names)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
