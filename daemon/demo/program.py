"""The scenes in their order. A new one is a module with a function that takes the stage, and a line here."""

from collections.abc import Callable

from daemon.demo.backups import show_backups
from daemon.demo.files import show_files
from daemon.demo.offsite import show_offsite
from daemon.demo.restores import show_restores
from daemon.demo.service import show_service
from daemon.demo.stage import Stage


SCENES: tuple[Callable[[Stage], None], ...] = (
    show_backups,
    show_files,
    show_service,
    show_restores,
    show_offsite,
)


def perform(stage: Stage) -> None:
    """Show everything.

    Raises:
        BackupError: a command failed that should not have.
    """
    for scene in SCENES:
        scene(stage)
