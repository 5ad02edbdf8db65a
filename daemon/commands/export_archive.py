"""Example: `export-archive users 1733313018 /srv/users`, which root does as the service's user like any other verb."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backup_core.clock import SystemClock
from backup_core.events import Reporter
from backup_core.repository.layout import is_legacy_tag
from backup_core.restore.backup_content import backup_content
from backup_core.restore.content import BackupContent, Unpacked
from backup_core.restore.directories import OpenDirectory, open_directory
from backup_core.sizes import human_size
from daemon.commands.show import find
from daemon.invocation import Invocation, add_identity_argument
from daemon.reporting import reporting
from daemon.signals import cancelling


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What this verb takes."""
    parser.add_argument("table", metavar="TABLE", help="table, case-sensitive")
    parser.add_argument("tag", metavar="TAG", help="the backup")
    parser.add_argument("directory", metavar="DIR", type=Path, help="where to, made if it isn't there; has to be empty")
    add_identity_argument(parser)


def run(invocation: Invocation) -> int:
    """Unpack a backup's archive into plain files, every byte checked; nothing stays there if one is wrong."""
    arguments, output = invocation.arguments, invocation.output
    repository, listing = find(invocation, arguments.table, arguments.tag)
    manifest = None if is_legacy_tag(listing.tag) else repository.manifest(listing)
    with (
        cancelling(invocation.cancel),
        reporting(output, SystemClock(), invocation.settings.log) as reporter,
        _empty_directory(arguments.directory) as directory,
    ):
        unpacked = _unpack(invocation, backup_content(repository, listing, manifest), directory, reporter)
    files = unpacked.content.files or ()
    size = human_size(sum(file.size_bytes for file in files))
    checked = "every byte is what was stored" if manifest else "complete, every Data.db has its CRC-32"
    output.message(f"{len(files)} files of {listing.table}/{listing.tag} ({size}) are in {directory.path}: {checked}.")
    return 0


def _unpack(invocation: Invocation, content: BackupContent, directory: OpenDirectory, reporter: Reporter) -> Unpacked:
    total_bytes = content.stored_size_bytes
    usage = os.fstatvfs(directory.descriptor)
    return content.unpack(
        directory,
        wanted=lambda _: True,
        most_bytes=usage.f_bavail * usage.f_frsize,
        on_progress=lambda read_bytes: reporter.progress(f"export {content.table_name}", read_bytes, total_bytes),
        cancel=invocation.cancel,
    )


@contextmanager
def _empty_directory(path: Path) -> Iterator[OpenDirectory]:
    """A directory with nothing in it, as it was before if the block raises.

    Raises:
        BackupError: it isn't empty, is no directory, or this user may not write there.
    """
    path = path.absolute()
    with open_directory(path.parent, follow=True) as parent:
        is_new = parent.status(path.name) is None
        if is_new:
            parent.make_directory(path.name)
        with open_directory(path, follow=True) as directory:
            directory.refuse_if_occupied("Choose a directory that is empty, or a new one.")
            try:
                yield directory
            except BaseException:
                for name in directory.names():
                    directory.remove(name)
                if is_new:
                    parent.remove(path.name)
                raise
