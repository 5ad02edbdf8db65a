"""ScyllaDB's own command line tool, for taking and clearing snapshots where the REST API isn't to be used for that.

It sends the same requests to the same API. What it prints and how it exits is recorded for 6.2.3; the exit codes are
those of its main function (tools/scylla-nodetool.cc).
"""

import errno
import os
import re
import signal
import subprocess
from contextlib import suppress
from typing import IO

from backup_core.cancel import CancelToken
from backup_core.errors import BackupError, NodeRefusedError, NodeUnavailableError, SettingsError
from backup_core.node.snapshot_answers import (
    CLEAR_GRACE_SECONDS,
    TAKE_GRACE_SECONDS,
    NoAnswerError,
    refusal,
    require_names,
)


LONGEST_OUTPUT_BYTES = 4096
"""So much of what it prints is looked at; all that it says of one request is far shorter."""
KILL_SECONDS = 2.0
"""How long a killed process may take to be gone."""

_REPLIED = re.compile(r"remote replied with status code [^\n]*:\n(?P<words>.*)", re.DOTALL)
_BROKE = "error running operation:"
"""Before any error that isn't an answer of the node."""
_NEVER_CONNECTED = re.compile(
    rf"\(error (?:system:(?:{errno.ECONNREFUSED}|{errno.EHOSTUNREACH}|{errno.ENETUNREACH})|C-Ares:\d+),"
)
_KILLED_FROM = 128
"""Shells exit with this and the signal's number when what they started was killed."""


class Nodetool:
    """What a backup asks of nodetool.

    Args:
        command: the program and its own arguments: `("nodetool", "-h", "127.0.0.1", "-p", "10000")`.
        cancel: ends the waiting, and the process.
        timeout_seconds: for one call, but for snapshots.
        snapshot_timeout_seconds: for taking or clearing one: the node flushes first, and requests queue.
    """

    def __init__(
        self,
        command: tuple[str, ...],
        cancel: CancelToken,
        *,
        timeout_seconds: float = 15.0,
        snapshot_timeout_seconds: float = 600.0,
    ) -> None:
        self._command = command
        self._cancel = cancel
        self._timeout_seconds = timeout_seconds
        self._snapshot_timeout_seconds = snapshot_timeout_seconds

    def take_snapshot(self, tag: str, keyspace: str, table: str, *, ttl: str = "") -> None:
        """Have a snapshot of one table taken, and wait until it is there.

        Args:
            tag: its name.
            keyspace: the table's.
            table: its name.
            ttl: after which time the node clears it by itself; empty for never. Older nodetools don't know it.

        Raises:
            SnapshotExistsError: the tag is in use in that keyspace.
            NotFoundError: there is no such table.
            NoAnswerError: it was killed, or had no answer itself: nobody knows what was done.
            NodeUnavailableError: it can't reach the node.
            NodeRefusedError: any other no, of the node or of nodetool.
            SettingsError: there is no such command.
            RunCancelledError: a signal; nobody knows what was done, either.
        """
        if not tag:
            # An empty argument gets lost on the way: /usr/bin/nodetool is a script that passes on `$@` unquoted.
            raise NodeRefusedError("nodetool takes no snapshot without a snapshot name.")
        # With `--table` a keyspace that has one dot in its name would be split there, and another table be meant.
        arguments = ("snapshot", "-t", tag, *(("--ttl", ttl) if ttl else ()), "-kt", f"{keyspace}/{table}")
        self._run(arguments, self._snapshot_timeout_seconds, grace_seconds=TAKE_GRACE_SECONDS)

    def clear_snapshot(self, tag: str, keyspace: str) -> None:
        """Have the snapshots of a keyspace with that tag cleared; one that isn't there is no error.

        Raises:
            ValueError: an empty tag or keyspace: every snapshot of the node would be cleared.
            NodeRefusedError: there is no such keyspace any more, which says nothing of its snapshots; or any other no.
            NodeUnavailableError, SettingsError, RunCancelledError: as for `take_snapshot`.
        """
        require_names(tag, keyspace)
        arguments = ("clearsnapshot", "-t", tag, keyspace)
        self._run(arguments, self._snapshot_timeout_seconds, grace_seconds=CLEAR_GRACE_SECONDS)

    def version(self) -> None:
        """Have it ask the node for its version, to see that it reaches it. Errors as for `take_snapshot`."""
        self._run(("version",), self._timeout_seconds)

    def _run(self, arguments: tuple[str, ...], timeout_seconds: float, *, grace_seconds: float = 0.0) -> None:
        with os.fdopen(os.memfd_create("nodetool"), "w+b") as output:
            process = self._start(arguments, output)
            try:
                exit_code = self._cancel.call(lambda: process.wait(timeout_seconds), grace_seconds=grace_seconds)
            except subprocess.TimeoutExpired as error:
                raise NoAnswerError(
                    f"{self._command[0]} doesn't end within {timeout_seconds:g} seconds.",
                    hint="Is ScyllaDB running, and does nodetool answer by hand?",
                ) from error
            finally:
                _end(process)
            if exit_code != 0:
                output.seek(0)
                text = output.read(LONGEST_OUTPUT_BYTES).decode(errors="replace").strip()
                raise self._failure(exit_code, text or f"exit code {exit_code}")

    def _start(self, arguments: tuple[str, ...], output: IO[bytes]) -> subprocess.Popen[bytes]:
        try:
            # A session of its own: Ctrl-C is ours to pass on, and what is killed may have started others.
            return subprocess.Popen(
                [*self._command, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise SettingsError(
                f"The command {self._command[0]} can't be run: {error.strerror}.",
                hint='Set node.nodetool to its path, or node.snapshots = "api".',
            ) from error

    def _failure(self, exit_code: int, text: str) -> BackupError:
        if replied := _REPLIED.search(text):
            return refusal(replied["words"].strip())
        if _NEVER_CONNECTED.search(text):
            return NodeUnavailableError(
                f"{self._command[0]} can't reach the node: {text}",
                hint="Is ScyllaDB running? Address and port for nodetool belong into node.nodetool.",
            )
        if _BROKE in text or exit_code < 0 or exit_code > _KILLED_FROM:
            return NoAnswerError(f"{self._command[0]} has no answer of the node: {text}")
        return refusal(text, speaker=self._command[0])


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing running. Only one that hasn't been waited for is killed: its number can't be another's yet."""
    if process.poll() is None:
        # PermissionError: it may run as another user, through sudo. It ends by itself then, unheard.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            process.wait(KILL_SECONDS)
