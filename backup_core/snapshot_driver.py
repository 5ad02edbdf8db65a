"""Ways to take snapshots: one protocol, over the REST API and with nodetool."""

import re
from typing import Protocol

from backup_core.errors import NodeRefusedError, NotFoundError, SettingsError
from backup_core.model import Table
from backup_core.node.nodetool import Nodetool
from backup_core.node.rest import RestClient


SNAPSHOT_TTL = "14d"
"""After which time a node that can do so clears a snapshot of ours by itself: if nobody ever comes back to do it.

A snapshot that ended under a run would fail it, and a run has no end of its own: it takes as long as compression,
`limits.read_rate` and a splay make it. No run takes two weeks. The node forgets the time when it restarts, so this is
no substitute for the journal.
"""

TTL_SINCE = (2026, 3)
"""The server's first version that knows it; older ones refuse or ignore it."""


class SnapshotDriver(Protocol):
    """Takes and clears snapshots. Which ones are ours is the journal's to say, not the driver's."""

    def take(self, tag: str, table: Table) -> None:
        """Take a snapshot of a table and return when it is there.

        Raises:
            SnapshotExistsError: the tag is in use in the table's keyspace.
            NotFoundError: there is no such table.
            NoAnswerError: nobody knows whether it was taken, or still will be.
            NodeRefusedError, NodeUnavailableError: it was not taken.
            SettingsError: it can't be asked for the way that the settings say.
        """

    def clear(self, tag: str, keyspace: str) -> None:
        """Clear a keyspace's snapshots with that tag; that there are none is no error.

        Raises:
            NodeRefusedError, NodeUnavailableError: it may still be there.
        """


class RestSnapshotDriver:
    """Over the REST API, which works for every table name and for tables that are gone."""

    def __init__(self, rest: RestClient) -> None:
        self._rest = rest

    def take(self, tag: str, table: Table) -> None:
        """See `SnapshotDriver`."""
        self._rest.take_snapshot(tag, table.keyspace, table.name, ttl=_ttl(self._rest))

    def clear(self, tag: str, keyspace: str) -> None:
        """See `SnapshotDriver`."""
        self._rest.clear_snapshot(tag, keyspace)


class NodetoolSnapshotDriver:
    """With nodetool. What it refuses to clear is cleared over the REST API: it knows no keyspace that is gone."""

    def __init__(self, nodetool: Nodetool, rest: RestClient) -> None:
        self._nodetool = nodetool
        self._rest = rest

    def take(self, tag: str, table: Table) -> None:
        """See `SnapshotDriver`."""
        self._nodetool.take_snapshot(tag, table.keyspace, table.name, ttl=_ttl(self._rest))

    def clear(self, tag: str, keyspace: str) -> None:
        """See `SnapshotDriver`."""
        try:
            self._nodetool.clear_snapshot(tag, keyspace)
        except (NodeRefusedError, SettingsError):
            self._rest.clear_snapshot(tag, keyspace)


def _ttl(rest: RestClient) -> str:
    try:
        version = re.match(r"(\d+)\.(\d+)\.", rest.scylla_version())
    except (NodeRefusedError, NotFoundError):  # one that doesn't tell its version is taken for an old one
        return ""
    return SNAPSHOT_TTL if version and (int(version[1]), int(version[2])) >= TTL_SINCE else ""
