"""The repositories that this machine may remove backups from: this node's, and those of hosts that left the ring."""

import argparse
from contextlib import closing

from backup_core.cancel import CancelToken
from backup_core.errors import ForeignRepositoryError, NodeUnavailableError, NotFoundError
from backup_core.events import Reporter
from backup_core.repository.protocol import Repository
from daemon.invocation import Invocation
from daemon.settings_file import Settings
from daemon.wiring import cql_client, rest_client


def add_host_arguments(parser: argparse.ArgumentParser) -> None:
    """For verbs that remove backups."""
    parser.add_argument("--host", metavar="HOST_ID", help="of that host, which has left the ring, instead of this one")
    parser.add_argument(
        "--left", action="store_true", help="with --host: it has left for good, though no node can be asked for that"
    )


def meant(invocation: Invocation, reporter: Reporter) -> tuple[Repository, ...]:
    """The repositories that the arguments mean, not yet opened: of every host that is found, or of the one.

    Raises:
        NotFoundError: there is no repository of that host.
    """
    host_id: str | None = invocation.arguments.host
    found = invocation.repositories(reporter)
    if host_id is None:
        return found
    of_host = tuple(repository for repository in found if _host_of(repository) == host_id)
    if not of_host:
        raise NotFoundError(f"There is no repository of a host {host_id}.", hint="See `repository check`.")
    return of_host


def removable(invocation: Invocation, reporter: Reporter) -> tuple[Repository, ...]:
    """Those of them that backups may be removed from here; of the others, a line says that they stay.

    Args:
        invocation: with the arguments above.
        reporter: hears what happens.

    Raises:
        ForeignRepositoryError: the host is in the ring: it removes its own backups.
        NodeUnavailableError: the node can't be asked whose repositories they are, or whether the host has left.
        NotFoundError: there is no repository of that host.
    """
    if invocation.arguments.host is not None:
        _require_left(invocation, invocation.arguments.host)
        return meant(invocation, reporter)
    found = []
    with closing(rest_client(invocation.settings, invocation.cancel)) as rest:
        for repository in meant(invocation, reporter):
            if _host_of(repository) is None or repository.is_removable(rest.host_id):
                found.append(repository)
            else:
                invocation.output.message(f"{repository.address} is another host's: it stays as it is.")
    return tuple(found)


def _require_left(invocation: Invocation, host_id: str) -> None:
    try:
        ring = _hosts_in_ring(invocation.settings, invocation.cancel)
    except NodeUnavailableError as error:
        if invocation.arguments.left:
            return
        raise NodeUnavailableError(
            f"{error.message} So nobody tells whether host {host_id} has left the ring.",
            hint="If it has left for good, say so with --left.",
        ) from error
    if host_id in ring:
        raise ForeignRepositoryError(
            f"Host {host_id} is in the ring: it removes its own backups.", hint="Call `prune` there."
        )


def _hosts_in_ring(settings: Settings, cancel: CancelToken) -> frozenset[str]:
    with closing(cql_client(settings, cancel)) as cql:
        return cql.host_ids()


def _host_of(repository: Repository) -> str | None:
    """Whose it is; None if it isn't there, or is nobody's yet."""
    try:
        marker = repository.open_read_only()
    except NotFoundError:
        return None
    return marker.host_id if marker else None
