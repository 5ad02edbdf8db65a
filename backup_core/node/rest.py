"""The node's REST API, through urllib3. It asks for no credentials and speaks no TLS; it listens on loopback."""

import json
import uuid
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.exceptions import TimeoutError as HttpTimeoutError

from backup_core.cancel import CancelToken
from backup_core.errors import BackupError, NodeRefusedError, NodeUnavailableError, excerpt
from backup_core.model import TokenRange
from backup_core.node.load_answers import LOAD_GRACE_SECONDS, LOAD_TIMEOUT_SECONDS, load_refusal
from backup_core.node.shapes import expected_shape
from backup_core.node.snapshot_answers import (
    CLEAR_GRACE_SECONDS,
    TAKE_GRACE_SECONDS,
    NoAnswerError,
    refusal,
    require_names,
)


CONNECT_TIMEOUT_SECONDS = 5.0

_WHERE = "Is ScyllaDB running, and is node.api_url its api_address and api_port?"


class RestClient:
    """What a backup asks of the REST API.

    Args:
        url: `http://127.0.0.1:10000` or the like.
        timeout_seconds: for one answer, but for snapshots.
        snapshot_timeout_seconds: for taking or clearing one: the node flushes first, and requests queue.
        cancel: ends the waiting.
    """

    def __init__(
        self, url: str, cancel: CancelToken, *, timeout_seconds: float = 15.0, snapshot_timeout_seconds: float = 600.0
    ) -> None:
        self.url = url.rstrip("/")
        self._cancel = cancel
        self._timeout_seconds = timeout_seconds
        self._snapshot_timeout_seconds = snapshot_timeout_seconds
        self._pool = urllib3.PoolManager(retries=False)
        self._data_directories: tuple[str, ...] | None = None
        self._scylla_version: str | None = None

    def host_id(self) -> str:
        """This node's host id."""
        answer = self.get("/storage_service/hostid/local")
        with expected_shape("hostid/local"):
            return str(uuid.UUID(answer))

    def cluster_name(self) -> str:
        """The cluster's name; system.local's is empty."""
        return self._text("/storage_service/cluster_name")

    def scylla_version(self) -> str:
        """The server's full version. Asked once."""
        if self._scylla_version is None:
            self._scylla_version = self._text("/storage_service/scylla_release_version")
        return self._scylla_version

    def data_directories(self) -> tuple[str, ...]:
        """Paths of the node's data directories; snapshots are below the first. Asked once: a node can't change them."""
        if self._data_directories is None:
            self._data_directories = self._texts("/storage_service/data_file/locations")
        return self._data_directories

    def setting(self, name: str) -> Any:
        """The value of a setting of scylla.yaml, as JSON has it.

        Raises:
            NodeRefusedError: this version has no such setting.
        """
        return self.get(f"/v2/config/{quote(name, safe='')}")

    def peers_up(self) -> tuple[str, ...]:
        """Addresses of the nodes that this one takes for alive, itself among them."""
        return self._texts("/gossiper/endpoint/live")

    def peers_down(self) -> tuple[str, ...]:
        """Addresses of the nodes that this one takes for dead."""
        return self._texts("/gossiper/endpoint/down")

    def on_tablets(self, keyspace: str) -> bool:
        """Whether a keyspace is on tablets rather than vnodes."""
        return keyspace in self._texts("/storage_service/keyspaces", replication="tablets")

    def token_ranges(self, keyspace: str, table: str) -> tuple[TokenRange, ...]:
        """All ranges of the ring with their replicas; with the table named it answers for vnodes and tablets alike."""
        ring = self.get(f"/storage_service/describe_ring/{quote(keyspace, safe='')}", table=table)
        with expected_shape("describe_ring"):
            return tuple(TokenRange(r["start_token"], r["end_token"], tuple(r["endpoints"])) for r in ring)

    def view_build_states(self, keyspace: str, view: str) -> tuple[str, ...]:
        """How far each node has built a view: `UNKNOWN`, `STARTED`, `SUCCESS`; empty if they don't tell."""
        states = self.get(f"/storage_service/view_build_statuses/{quote(keyspace, safe='')}/{quote(view, safe='')}")
        with expected_shape("view_build_statuses"):
            return tuple(str(state["value"]) for state in states)

    def take_snapshot(self, tag: str, keyspace: str, table: str, *, ttl: str = "") -> None:
        """Ask for a snapshot of one table, and wait until it is there.

        Args:
            tag: its name.
            keyspace: the table's.
            table: its name.
            ttl: after which time the node clears it by itself: `36h`, `14d`; empty for never. Only for servers that
                know it: others would keep it for ever without a word.

        Raises:
            SnapshotExistsError: the tag is in use in that keyspace.
            NotFoundError: there is no such table.
            NoAnswerError: none came in time, or the connection broke: nobody knows what was done.
            NodeRefusedError: any other no.
            RunCancelledError: a signal; nobody knows what was done, either.
        """
        self._request(
            "POST",
            "/storage_service/snapshots",
            {"tag": tag, "kn": keyspace, "cf": table, **({"ttl": ttl} if ttl else {})},
            self._snapshot_timeout_seconds,
            grace_seconds=TAKE_GRACE_SECONDS,
        )

    def clear_snapshot(self, tag: str, keyspace: str) -> None:
        """Clear the snapshots of a keyspace with that tag; one that isn't there is no error.

        The table isn't named: up to 6.2 its views' snapshots would stay behind (recorded), and a table that is
        gone couldn't be named.

        Raises:
            ValueError: an empty tag or keyspace: the node would clear every snapshot it has.
            RunCancelledError: a signal, and the node didn't answer soon.
        """
        require_names(tag, keyspace)
        self._request(
            "DELETE",
            "/storage_service/snapshots",
            {"tag": tag, "kn": keyspace},
            self._snapshot_timeout_seconds,
            grace_seconds=CLEAR_GRACE_SECONDS,
        )

    def load_and_stream(self, keyspace: str, table: str) -> None:
        """Have the node load what is in the table's `upload/`, send it to all replicas, and wait until it has.

        Never to primary replicas only: the others would be without it until a repair.

        Raises:
            AlreadyLoadingError: the node loads something else; nothing was begun.
            NotFoundError: there is no such table.
            NoAnswerError: the connection broke: nobody knows how far it came, and it may go on.
            NodeRefusedError: it was begun at most; part of it may be loaded, and files of it gone.
            RunCancelledError: a signal; the node goes on all the same.
        """
        self._request(
            "POST",
            f"/storage_service/sstables/{quote(keyspace, safe='')}",
            {"cf": table, "load_and_stream": "true", "primary_replica_only": "false"},
            LOAD_TIMEOUT_SECONDS,
            grace_seconds=LOAD_GRACE_SECONDS,
        )

    def get(self, path: str, **query: str) -> Any:
        """The JSON that a path answers."""
        body = self._request("GET", path, query, self._timeout_seconds)
        try:
            return json.loads(body)
        except ValueError as error:
            raise NodeRefusedError(
                f"The REST API at {self.url} answers {path} with something that is no JSON.",
                hint="Is node.api_url ScyllaDB's api_port?",
            ) from error

    def _text(self, path: str) -> str:
        answer = self.get(path)
        with expected_shape(path):
            if not isinstance(answer, str):
                raise TypeError(path)
            return answer

    def _texts(self, path: str, **query: str) -> tuple[str, ...]:
        answer = self.get(path, **query)
        with expected_shape(path):
            if not isinstance(answer, list) or not all(isinstance(item, str) for item in answer):
                raise TypeError(path)
            return tuple(answer)

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def _request(
        self, method: str, path: str, query: dict[str, str], timeout_seconds: float, *, grace_seconds: float = 0.0
    ) -> bytes:
        # The parameters belong into the query string, also of a POST.
        url = f"{self.url}{path}?{urlencode(query)}" if query else self.url + path
        timeout = urllib3.Timeout(connect=CONNECT_TIMEOUT_SECONDS, read=timeout_seconds)

        def send() -> urllib3.BaseHTTPResponse:
            return self._pool.request(method, url, timeout=timeout)

        try:
            response = self._cancel.call(send, grace_seconds=grace_seconds)
        except HTTPError as error:
            raise self._unavailable(error, method, timeout_seconds) from error
        if response.status == HTTPStatus.NOT_FOUND:
            raise NodeRefusedError(f"The REST API at {self.url} doesn't know {path}.", hint=_WHERE)
        if response.status >= 300:  # noqa: PLR2004  (HTTP's own classes)
            raise _refusal(response.data, response.status)
        return response.data

    def _unavailable(self, error: HTTPError, method: str, timeout_seconds: float) -> NodeUnavailableError:
        if isinstance(error, (NewConnectionError, urllib3.exceptions.ConnectTimeoutError)):
            return NodeUnavailableError(f"The REST API at {self.url} can't be reached.", hint=_WHERE)
        if isinstance(error, HttpTimeoutError):
            what = f"doesn't answer within {timeout_seconds:g} seconds"
        else:
            what = "closes the connection without an answer"
        kind = NodeUnavailableError if method == "GET" else NoAnswerError
        return kind(f"The REST API at {self.url} {what}.", hint=_WHERE)


def _refusal(body: bytes, status: int) -> BackupError:
    try:
        text = excerpt(str(json.loads(body)["message"]))
    except (ValueError, KeyError, TypeError):
        text = excerpt(body.decode(errors="replace")) or f"status {status}"
    return load_refusal(text) or refusal(text)
