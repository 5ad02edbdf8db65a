"""Scene: the daemon at work. A schedule fires, settings change under way, retention removes, and it ends."""

import json
from collections.abc import Iterable

from backup_core.errors import BackupError
from backup_core.events import (
    BACKUP_PUBLISHED,
    BACKUP_REMOVED,
    RUN_FINISHED,
    RUN_STARTED,
    SCHEDULE_DUE,
    SERVICE_STOPPED,
    SERVICE_STOPPING,
    SETTINGS_RELOAD_FAILED,
    SETTINGS_RELOADED,
    SNAPSHOT_CLEARED,
    SNAPSHOT_TAKEN,
)
from daemon.demo.background import LOG_NAME, Background, Line, background
from daemon.demo.stage import SHOWN_TABLE, Stage


TOLD_KEYS = {
    SCHEDULE_DUE: ("schedule", "nominal_at"),
    RUN_STARTED: ("schedule", "tables", "tag"),
    SNAPSHOT_TAKEN: ("table", "tag", "sstables"),
    BACKUP_PUBLISHED: ("table", "tag", "size_bytes"),
    SNAPSHOT_CLEARED: ("table", "tag"),
    SETTINGS_RELOAD_FAILED: ("problems",),
    SETTINGS_RELOADED: ("settings", "schedules"),
    BACKUP_REMOVED: ("tag", "reason"),
    SERVICE_STOPPING: ("signal",),
    SERVICE_STOPPED: (),
}
"""Events that are shown, with the keys that fit a terminal."""


def show_service(stage: Stage) -> None:
    """Show the daemon from its start to its end.

    Raises:
        BackupError: it doesn't do what it should.
    """
    stage.heading("The daemon: a schedule fires", "Three more lines of settings, and it backs up every two seconds.")
    stage.append_settings("[schedule.often]", 'every = "2s"', f'tables = ["{SHOWN_TABLE}"]')
    with background(stage) as daemon:
        _show_a_run(stage, daemon)
        _show_a_reload(stage, daemon)
        _show_retention(stage, daemon)
        _show_its_state(stage)
        _show_its_end(stage, daemon)


def _show_a_run(stage: Stage, daemon: Background) -> None:
    finished = daemon.until(RUN_FINISHED)[0]
    stage.heading(
        "Its log is JSON", "One object a line. These are the telling ones, with some of their keys; the last is whole."
    )
    stage.typed(f"tail -f {LOG_NAME}")
    _tell(stage, daemon.until(SCHEDULE_DUE)[:1])
    _tell(stage, (line for line in daemon.lines() if line.get("run_id") == finished["run_id"]))
    stage.say(json.dumps(finished))


def _show_a_reload(stage: Stage, daemon: Background) -> None:
    stage.heading(
        "Settings change under way", "SIGHUP (systemctl reload) loads them; a mistake leaves the old ones in force."
    )
    stage.append_settings("[repository.local.retention]", 'keep_last = "two"')
    stage.typed("kill -HUP %1")
    daemon.reload()
    _tell(stage, daemon.until(SETTINGS_RELOAD_FAILED))
    stage.replace_settings('"two"', "2")
    stage.typed("kill -HUP %1")
    daemon.reload()
    _tell(stage, daemon.until(SETTINGS_RELOADED))


def _show_retention(stage: Stage, daemon: Background) -> None:
    """Two backups were made by hand, at least two by the schedule."""
    stage.heading(
        "Retention", "After each backup of a table those go that no rule wants any more, each with the reason."
    )
    stage.typed(f"tail -f {LOG_NAME}")
    _tell(stage, daemon.until(BACKUP_REMOVED, count=2))
    stage.run("prune", SHOWN_TABLE, "--plan")


def _show_its_state(stage: Stage) -> None:
    stage.heading("Is it alive, and are backups recent?", "status is for people, check for a monitoring system.")
    stage.run("status")
    stage.say("")
    stage.run("check", "--warn", "26h", "--critical", "50h")


def _show_its_end(stage: Stage, daemon: Background) -> None:
    stage.heading(
        "It ends in order", "SIGTERM (systemctl stop): the step under way ends, no snapshot stays behind, exit code 0."
    )
    stage.typed("kill %1")
    code = daemon.stop()
    if code:
        raise BackupError(f"The daemon should not have ended with {code}.")
    _tell(stage, (line for line in daemon.lines() if line["event"] in {SERVICE_STOPPING, SERVICE_STOPPED}))


def _tell(stage: Stage, lines: Iterable[Line]) -> None:
    """Show the lines of `TOLD_KEYS`, as far as they fit."""
    for line in lines:
        if line["event"] in TOLD_KEYS:
            stage.say(json.dumps({key: line[key] for key in ("event", *TOLD_KEYS[line["event"]])}, ensure_ascii=False))
