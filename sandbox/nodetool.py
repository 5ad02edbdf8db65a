"""The sandbox's `nodetool`: asks a node's REST API as the native one does, prints and exits as that does.

    python -m sandbox.nodetool -h 127.0.0.1 -p 10000 snapshot -t 1733313018 -kt alternator_users/users

Only what concerns snapshots and SSTables is there. Nothing of the sandbox itself is used: any node will do.
"""

import argparse
import http.client
import json
import socket
import sys
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, NoReturn
from urllib.parse import quote, urlencode


SNAPSHOTS = "/storage_service/snapshots"

WRONG_ARGUMENTS, BROKEN, REFUSED, UNKNOWN_OPERATION = 1, 2, 4, 100
"""Exit codes. There is a 3 too, for operations that the node was asked to do and failed at; none of these is one."""

_UNITS = ("bytes", "KB", "MB", "GB", "TB")
_STEP = 1024


class _EndedError(Exception):
    def __init__(self, exit_code: int, text: str) -> None:
        super().__init__(text)
        self.exit_code = exit_code


class _Client:
    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)

    def request(self, method: str, path: str, **parameters: str) -> Any:
        """The JSON of an answer, None of an empty one."""
        connection = http.client.HTTPConnection(*self._address)
        try:
            connection.request(method, f"{path}?{urlencode(parameters)}" if parameters else path)
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        if response.status != HTTPStatus.OK:
            raise _EndedError(REFUSED, self._refused(method, path, parameters, response.status, body))
        return json.loads(body) if body else None

    def _refused(self, method: str, path: str, parameters: dict[str, str], status: int, body: bytes) -> str:
        try:
            message = str(json.loads(body)["message"])
        except (ValueError, KeyError, TypeError):
            message = body.decode()
        host, port = self._address
        return (
            f"error executing {method} request to http://{host}:{port}{path} with parameters {json.dumps(parameters)}: "
            f"remote replied with status code {status} {HTTPStatus(status).phrase}:\n{message}"
        )


def _snapshot(client: _Client, arguments: argparse.Namespace) -> None:
    wanted = arguments.keyspaces
    if arguments.keyspace_table_list is not None:
        for given, kind in ((arguments.table, "table(s)"), (arguments.keyspaces, "keyspace(s)")):
            if given:
                raise _wrong(f"when specifying the keyspace-table list for a snapshot, you should not specify {kind}")
        wanted = arguments.keyspace_table_list.split(",")
    if len(wanted) > 1 and arguments.table:
        raise _wrong("when specifying the table for the snapshot, you must specify one and only one keyspace")
    chosen = _split(wanted[0]) if len(wanted) == 1 else None
    keyspace, table = chosen or (",".join(wanted), arguments.table)
    tag = arguments.tag or str(time.time_ns() // 1_000_000)
    skip_flush = "true" if arguments.skip_flush else "false"
    parameters = {"sf": skip_flush, "cf": table, "tag": tag, "kn": keyspace}
    client.request("POST", SNAPSHOTS, **{name: value for name, value in parameters.items() if value})
    _say(
        f"Requested creating snapshot(s) for [{','.join(wanted) or 'all keyspaces'}] with snapshot name [{tag}]"
        f" and options {{skipFlush={skip_flush}}}\nSnapshot directory: {tag}"
    )


def _split(text: str) -> Sequence[str] | None:
    """Keyspace and table of a text with one slash, or else with one dot: also of a keyspace that has one in its name.

    A table that is named besides is then forgotten.
    """
    for separator in "/.":
        parts = text.split(separator)
        if len(parts) == 2:  # noqa: PLR2004  (a pair)
            return parts
    return None


def _clearsnapshot(client: _Client, arguments: argparse.Namespace) -> None:
    if arguments.keyspaces:
        known = client.request("GET", "/storage_service/keyspaces")
        for keyspace in arguments.keyspaces:
            if keyspace not in known:
                raise _wrong(f"keyspace {keyspace} does not exist")
    parameters = {"tag": arguments.tag, "kn": ",".join(arguments.keyspaces)}
    client.request("DELETE", SNAPSHOTS, **{name: value for name, value in parameters.items() if value})


def _listsnapshots(client: _Client, _: argparse.Namespace) -> None:
    snapshots = client.request("GET", SNAPSHOTS)
    if not snapshots:
        _say("There are no snapshots")
        return
    total_bytes = client.request("GET", f"{SNAPSHOTS}/size/true")
    rows = [("Snapshot name", "Keyspace name", "Column family name", "True size", "Size on disk")]
    rows += [
        (each["key"], part["ks"], part["cf"], _size(part["live"]), _size(part["total"]))
        for each in snapshots
        for part in each["value"]
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [" ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    total = _size(total_bytes).replace("B", "iB")
    _say("\n".join(["Snapshot Details: ", *lines, f"\nTotal TrueDiskSpaceUsed: {total}\n"]))


def _size(size_bytes: int) -> str:
    amount, unit = float(size_bytes), 0
    while amount >= _STEP:
        amount, unit = amount / _STEP, unit + 1
    return f"{f'{amount:.2f}'.removesuffix('.00')} {_UNITS[unit]}"


def _refresh(client: _Client, arguments: argparse.Namespace) -> None:
    client.request("POST", f"/storage_service/sstables/{quote(arguments.keyspace)}", cf=arguments.table)


def _version(client: _Client, _: argparse.Namespace) -> None:
    _say(f"ReleaseVersion: {client.request('GET', '/storage_service/release_version')}")


_OPERATIONS: dict[str, Callable[[_Client, argparse.Namespace], None]] = {
    "clearsnapshot": _clearsnapshot,
    "listsnapshots": _listsnapshots,
    "refresh": _refresh,
    "snapshot": _snapshot,
    "version": _version,
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """On standard output, as the native one has it."""
        _say(f"error: {message}\n\nTry --help.")
        sys.exit(BROKEN)


def _parser(operation: str | None) -> _Parser:
    parser = _Parser(add_help=False)
    parser.add_argument("-h", "--host", default="127.0.0.1")
    parser.add_argument("-p", "--port", type=int, default=10000)
    if operation is None:
        parser.add_argument("operation", nargs="?")
    elif operation == "refresh":
        parser.add_argument("keyspace")
        parser.add_argument("table")
    elif operation in {"snapshot", "clearsnapshot"}:
        parser.add_argument("-t", "--tag")
        parser.add_argument("keyspaces", nargs="*")
    if operation == "snapshot":
        parser.add_argument("-cf", "--column-family", "--table", dest="table")
        parser.add_argument("-kt", "-kc", "--kt-list", "--keyspace-table-list", dest="keyspace_table_list")
        parser.add_argument("-sf", "--skip-flush", action="store_true")
    return parser


def _run(argv: list[str]) -> None:
    if "" in argv:
        _parser(None).error("the argument for option '--operation_options' is invalid")
    # The first word that is no option and no host or port is the operation, wherever it stands.
    operation = _parser(None).parse_known_args(argv)[0].operation
    if operation is None:
        raise _EndedError(WRONG_ARGUMENTS, "error: missing mandatory operation argument")
    if operation not in _OPERATIONS:
        known = json.dumps(list(_OPERATIONS))
        text = f"error: unrecognized operation argument: expected one of ({known}), got {operation}"
        raise _EndedError(UNKNOWN_OPERATION, text)
    argv.remove(operation)
    arguments = _parser(operation).parse_args(argv)
    _OPERATIONS[operation](_Client(arguments.host, arguments.port), arguments)


def _wrong(text: str) -> _EndedError:
    return _EndedError(WRONG_ARGUMENTS, f"error processing arguments: {text}")


def _broken(error: Exception) -> str:
    """What the native one tells of an error that is no answer of the node."""
    if isinstance(error, socket.gaierror):
        told = "std::system_error (error C-Ares:4, Not found)"
    elif isinstance(error, http.client.RemoteDisconnected):
        told = "std::system_error (error system:103, Software caused connection abort)"
    elif isinstance(error, OSError):
        told = f"std::system_error (error system:{error.errno}, {error.strerror})"
    elif isinstance(error, http.client.HTTPException):
        told = "std::runtime_error (Invalid http server response)"
    else:
        told = "rjson::error (Parsing JSON failed: Invalid value. at 0)"
    return f"error running operation: {told}"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def main() -> int:
    """Run one operation; the exit code."""
    try:
        _run(sys.argv[1:])
    except _EndedError as ended:
        sys.stderr.write(f"{ended}\n")
        return ended.exit_code
    except (OSError, http.client.HTTPException, ValueError) as error:
        sys.stderr.write(f"{_broken(error)}\n")
        return BROKEN
    return 0


if __name__ == "__main__":
    sys.exit(main())
