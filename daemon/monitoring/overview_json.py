"""The overview for programs: times as RFC 3339, null where nothing is known."""

from datetime import datetime
from typing import Any

from backup_core.restore.drill_results import TableDrills
from daemon.history_records import PastRun, TableError, TableVerified
from daemon.monitoring.holdings import DiskSpace, HeldSnapshot
from daemon.monitoring.overview import Overview, ScheduleStatus
from daemon.monitoring.service_status import ServiceStatus


def as_json(overview: Overview) -> dict[str, Any]:
    """All of it."""
    told = overview.service.told
    running = told.running if overview.service.alive and told else None
    waiting = told.waiting if overview.service.alive and told else ()
    return {
        "daemon": _daemon(overview.service),
        "running": running.model_dump(mode="json") if running else None,
        "waiting": [run.model_dump(mode="json") for run in waiting],
        "schedules": [_schedule(schedule) for schedule in overview.schedules],
        "errors": [_error(error) for error in overview.errors],
        "snapshots": [_snapshot(snapshot) for snapshot in overview.snapshots],
        "disks": [_disk(disk) for disk in overview.disks],
        "drills": [_drill(drills) for drills in overview.drills],
        "verified": [_verified(verified) for verified in overview.verified],
        "problems": [*([str(overview.refused)] if overview.refused else []), *overview.problems],
    }


def _daemon(service: ServiceStatus) -> dict[str, Any]:
    told = service.told
    if told is None:
        return {"alive": service.alive, "pid": None, "started_at": None, "updated_at": None, "settings": None}
    return {
        "alive": service.alive,
        "pid": told.pid if service.alive else None,
        "started_at": _time(told.started_at),
        "updated_at": _time(told.updated_at),
        "settings": told.settings.model_dump(mode="json"),
    }


def _schedule(schedule: ScheduleStatus) -> dict[str, Any]:
    return {
        "schedule": schedule.name,
        "what": schedule.what,
        "next_at": _time(schedule.next_at),
        "last_run": _run(schedule.last_run) if schedule.last_run else None,
    }


def _run(past: PastRun) -> dict[str, Any]:
    return {
        "run_id": past.run.run_id,
        "what": past.run.what,
        "tag": past.run.tag,
        "nominal_at": _time(past.run.nominal_at),
        "started_at": _time(past.run.started_at),
        "finished_at": _time(past.finished_at),
        "outcome": past.outcome,
        "succeeded": past.succeeded,
        "failed": past.failed,
        "error": past.error,
    }


def _error(error: TableError) -> dict[str, Any]:
    return {
        "table": error.table,
        "what": error.what,
        "outcome": error.outcome,
        "error": error.error,
        "failed_at": _time(error.failed_at),
        "succeeded_at": _time(error.succeeded_at),
        "run_id": error.run_id,
        "tag": error.tag,
    }


def _snapshot(snapshot: HeldSnapshot) -> dict[str, Any]:
    return {
        "table": snapshot.entry.table_name,
        "keyspace": snapshot.entry.keyspace,
        "table_id": snapshot.entry.table_id,
        "tag": snapshot.entry.tag,
        "run_alive": snapshot.alive,
        "held_bytes": snapshot.held_bytes,
    }


def _disk(disk: DiskSpace) -> dict[str, Any]:
    return {
        "what": disk.what,
        "path": str(disk.path),
        "total_bytes": disk.total_bytes,
        "free_bytes": disk.free_bytes,
        "floor_bytes": disk.floor_bytes,
        "below_floor": disk.below_floor,
    }


def _drill(drills: TableDrills) -> dict[str, Any]:
    good = drills.last_good
    return {
        "table": drills.last.table,
        "last_drill_at": _time(drills.last.drilled_at),
        "problems": list(drills.last.problems),
        "last_good_at": _time(good.drilled_at) if good else None,
        "last_good_tag": good.tag if good else None,
        "restore_seconds": good.restore_seconds if good else None,
    }


def _verified(verified: TableVerified) -> dict[str, Any]:
    return {
        "table": verified.table,
        "verified_at": _time(verified.verified_at),
        "outcome": verified.outcome,
        "error": verified.error,
        "last_good_at": _time(verified.good_at),
    }


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
