"""All checks, one after the other; one that fails doesn't stop the others."""

from collections.abc import Callable, Iterable, Iterator

from backup_core.errors import BackupError, RunCancelledError, StepError
from daemon.checking import buckets, data, installation, node, snapshots, storage
from daemon.checking.examination import Examination
from daemon.checking.finding import Finding, failure, ok
from daemon.invocation import Invocation


CHECKS: tuple[tuple[str, Callable[[Examination], Iterable[Finding]]], ...] = (
    ("alternator", node.alternator),
    ("cql", node.cql),
    ("rest", node.rest),
    ("nodetool", node.nodetool),
    ("authentication", node.authentication),
    ("same node", node.same_node),
    ("version", node.version),
    ("data", data.data_directories),
    ("repository", storage.repositories),
    ("bucket", buckets.buckets),
    ("space", storage.space),
    ("state", storage.state),
    ("snapshots", snapshots.snapshots),
)
"""What is looked at, in this order; the name stands before what a check raises."""


def examine(invocation: Invocation) -> Iterator[Finding]:
    """Look at everything.

    Args:
        invocation: its settings are part of what is looked at; without them nothing else can be.

    Yields:
        At least one finding for each check, but for those of what the settings don't use.

    Raises:
        RunCancelledError: a signal.
    """
    yield from _guarded("package", installation.package)
    settings = list(_guarded("settings", lambda: _settings(invocation)))
    yield from settings
    if any(finding.error for finding in settings):
        return
    with Examination(invocation.settings, invocation.cancel) as examination:
        for name, check in CHECKS:
            yield from _guarded(name, lambda check=check: check(examination))  # type: ignore[misc]


def _settings(invocation: Invocation) -> Iterator[Finding]:
    count = len(invocation.settings.repository)
    yield ok("settings", f"{invocation.settings_path}: {count} {'repository' if count == 1 else 'repositories'}.")


def _guarded(name: str, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except RunCancelledError:
        raise
    except BackupError as error:
        yield failure(name, error)
    except Exception as error:  # noqa: BLE001  (a bug in one check is no reason to leave out the others)
        broken = StepError(f"The check itself broke: {type(error).__name__}: {error}", hint="Please report it.")
        broken.__cause__ = error
        yield failure(name, broken)
