"""Examples: `run`, `run --settings /etc/alternator-backup/settings.toml`; systemd does it with `systemctl start`."""

import argparse
import faulthandler
import logging
import os
import sys
from contextlib import suppress

from backup_core.clock import SystemClock
from backup_core.errors import BackupError, StepError
from backup_core.events import SERVICE_FAILED
from daemon.invocation import Invocation
from daemon.loaded import Loaded
from daemon.log import LOGGER_NAME, configure_log
from daemon.log_reporter import LogReporter
from daemon.service import Service
from daemon.service_lock import service_lock
from daemon.settings import LogSettings
from daemon.state import state_directory


NICENESS = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """This verb takes nothing but the settings."""


def run(invocation: Invocation) -> int:
    """Be the daemon until SIGTERM; what ends it is a line of its log."""
    faulthandler.enable()  # systemd's watchdog kills with SIGABRT: every thread's stack is worth having then
    _be_nice()
    _apply_log(LogSettings())
    reporter = LogReporter(logging.getLogger(LOGGER_NAME))
    try:
        loaded = Loaded.load(invocation.settings_path)
        _apply_log(loaded.settings.log)
        with service_lock(state_directory(loaded.settings)):
            service = Service(
                loaded,
                reporter,
                lambda new: _apply_log(new.settings.log),
                environment=os.environ,
                clock=SystemClock(),
                signals=invocation.signals,
            )
            return service.run()
    except BackupError as error:
        reporter.failure(SERVICE_FAILED, error)
        return error.exit_code
    except Exception as error:  # noqa: BLE001  (the last one that can tell of it)
        broken = StepError(f"The daemon broke: {type(error).__name__}: {error}", step="service")
        broken.__cause__ = error
        reporter.failure(SERVICE_FAILED, broken)
        return broken.exit_code


def _apply_log(log: LogSettings) -> None:
    configure_log(log, sys.stderr, os.environ)


def _be_nice() -> None:
    """The database comes first, also where no unit has seen to it; inside the unit it may not and need not."""
    with suppress(OSError):
        if os.getpriority(os.PRIO_PROCESS, 0) < NICENESS:
            os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
