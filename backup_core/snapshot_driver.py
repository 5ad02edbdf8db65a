"""Ways to take snapshots: one protocol, and the one over the REST API."""

from typing import Protocol

from backup_core.model import Table
from backup_core.node.rest import RestClient


class SnapshotDriver(Protocol):
    """Takes and clears snapshots. Which ones are ours is the journal's to say, not the driver's."""

    def take(self, tag: str, table: Table) -> None:
        """Take a snapshot of a table and return when it is there.

        Raises:
            SnapshotExistsError: the tag is in use in the table's keyspace.
            NotFoundError: there is no such table.
            NoAnswerError: nobody knows whether it was taken, or still will be.
            NodeRefusedError, NodeUnavailableError: it was not taken.
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
        self._rest.take_snapshot(tag, table.keyspace, table.name)

    def clear(self, tag: str, keyspace: str) -> None:
        """See `SnapshotDriver`."""
        self._rest.clear_snapshot(tag, keyspace)
