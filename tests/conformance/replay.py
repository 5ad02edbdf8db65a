"""The recordings of real nodes, a sandbox that went through the same, and the comparison of their answers."""

import json
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3

from sandbox.node import Sandbox
from tests.conformance.exceptions import EXCEPTIONS


RECORDED = {"6.2": "scylla-6.2.3", "2026.1": "scylla-2026.1.12"}
VERSIONS = tuple(RECORDED)

_DATA = Path(__file__).parents[1] / "data"
_TARGET = "DynamoDB_20120810."

# What differs from one moment, one node or one run to the next, inside of texts.
_VOLATILE_TEXT = (
    (re.compile(r"(?<![0-9a-f])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])"), "<hex>"),
    (re.compile(r"\b[0-9a-z]{4}_[0-9a-z]{4}_[0-9a-z]{18}\b"), "<generation>"),
    (re.compile(r"\b1[5-9]\d{11}\b"), "<milliseconds>"),
    (re.compile(r"\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"/\S*/data\b"), "<data directory>"),
)
_EPOCH_SECONDS = range(1_500_000_000, 2_500_000_000)


def load(version: str, name: str) -> Any:
    """A recording of that version of the server, for example `load("6.2", "rest.json")`."""
    return json.loads((_DATA / RECORDED[version] / name).read_text())


def snapshot_directories(version: str) -> dict[str, Path]:
    """The recorded directories of real SSTables, by the name of their table or view."""
    found = (_DATA / RECORDED[version] / "data").glob("*/*/snapshots/*")
    return {path.parents[1].name.rpartition("-")[0]: path for path in found}


def volatile_paths(version: str, recording: str, entry: str) -> tuple[str, ...]:
    """The key paths that the list of exceptions names for one entry of a recording."""
    return tuple(
        path
        for exception in EXCEPTIONS
        if version in exception.versions and exception.recording == recording and fnmatchcase(entry, exception.entry)
        for path in exception.paths
    )


def assert_same(
    recorded: Any,
    given: Any,
    *,
    volatile: Collection[str] = (),
    unordered: Collection[str] = (),
    what: str = "",
) -> None:
    """Both JSON-like values have the same shape, and the same values where these don't depend on the moment.

    A key path joins keys and list positions with `/`; the whole value's own path is the empty text. Ids,
    generations, times and the data directory's path count as equal wherever they occur, also inside of texts
    and as keys.

    Args:
        recorded: what the real node answered.
        given: what the sandbox answers.
        volatile: patterns (`*` matches `/` too) of the paths where only the type is compared.
        unordered: patterns of the paths of lists whose order is the server's own.
        what: said first when they differ.
    """
    expected, actual = (_canonical(value, "", volatile, unordered) for value in (recorded, given))
    differences = list(_differences(expected, actual, ""))
    assert not differences, "\n".join([what, *differences])


def normalised(text: str) -> str:
    """The text with ids, generations, times and the data directory's path replaced by what they are."""
    for pattern, name in _VOLATILE_TEXT:
        text = pattern.sub(name, text)
    return text


def _canonical(value: Any, path: str, volatile: Collection[str], unordered: Collection[str]) -> Any:
    if _matches(path, volatile):
        return f"<{type(value).__name__}>"
    if isinstance(value, dict):
        return {
            normalised(key): _canonical(child, f"{path}/{key}".lstrip("/"), volatile, unordered)
            for key, child in value.items()
        }
    if isinstance(value, list):
        paths = (f"{path}/{i}".lstrip("/") for i in range(len(value)))
        children = [_canonical(*each, volatile, unordered) for each in zip(value, paths, strict=True)]
        if _matches(path, unordered):
            children.sort(key=lambda child: json.dumps(child, sort_keys=True))
        return children
    if isinstance(value, str):
        return normalised(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and int(value) in _EPOCH_SECONDS:
        return "<seconds>"
    return value


def _matches(path: str, patterns: Collection[str]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def _differences(expected: Any, actual: Any, path: str) -> Iterator[str]:
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in sorted(expected.keys() | actual.keys()):
            below = f"{path}/{key}".lstrip("/")
            if key not in actual:
                yield f"{below}: missing, recorded {expected[key]!r}"
            elif key not in expected:
                yield f"{below}: not in the recording, given {actual[key]!r}"
            else:
                yield from _differences(expected[key], actual[key], below)
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for i, pair in enumerate(zip(expected, actual, strict=True)):
            yield from _differences(*pair, f"{path}/{i}".lstrip("/"))
    elif type(expected) is not type(actual) or expected != actual:
        yield f"{path or 'value'}: recorded {expected!r}, given {actual!r}"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer over HTTP."""

    status: int
    content_type: str | None
    body: str


def alternator(sandbox: Sandbox, operation: str, request: dict[str, Any]) -> Answer:
    """Send one unsigned request to Alternator; `operation` with or without the API's version in front."""
    headers = {
        "X-Amz-Target": _TARGET + operation.removeprefix(_TARGET),
        "Content-Type": "application/x-amz-json-1.0",
    }
    response = urllib3.request(
        "POST",
        sandbox.alternator.url,
        body=json.dumps(request).encode(),
        headers=headers,
        retries=False,
    )
    return Answer(response.status, response.headers.get("Content-Type"), response.data.decode())


def rest(sandbox: Sandbox, method: str, path: str, query: dict[str, str] | None = None) -> Answer:
    """Send one request to the REST API; `path` is already encoded."""
    target = sandbox.api.url + path + (f"?{urlencode(query)}" if query else "")
    response = urllib3.request(method, target, retries=False)
    return Answer(response.status, response.headers.get("Content-Type"), response.data.decode())


# Reads, and what the real node refused, change nothing.
_CHANGING = ("CreateTable", "UpdateTimeToLive", "UpdateTable")


@contextmanager
def recorded_life(version: str) -> Iterator[Sandbox]:
    """A sandbox with the recorded node's tables, made through Alternator, with items where that had some."""
    with Sandbox(version, view_delay_seconds=0) as sandbox:
        entries = load(version, "alternator_raw.json")
        reads = next(i for i, entry in enumerate(entries) if entry["target"].endswith("ListTables"))
        enact(sandbox, entries[:reads])
        write_items(sandbox)
        enact(sandbox, entries[reads:])
        yield sandbox


def replay_rest(sandbox: Sandbox, version: str) -> Iterator[tuple[str, dict[str, Any], Answer]]:
    """Send the requests of rest.json in order, doing before each what was done to the real node.

    Yields:
        What the list of exceptions calls the entry, the entry itself, and the sandbox's answer.
    """
    for entry in load(version, "rest.json"):
        method, path = entry["request"].split(" ")
        if "pre-drop-" in entry["body"]:
            drop_a_table(sandbox)
        with _foreign_upload(sandbox) if "foreign.txt" in entry["body"] else nullcontext():
            answer = rest(sandbox, method, path, entry["query"])
        query = "&".join(f"{name}={value}" for name, value in entry["query"].items())
        yield entry["request"] + (f"?{query}" if query else ""), entry, answer


def drop_a_table(sandbox: Sandbox) -> None:
    """Make the table `dropme` with one item, and drop it."""
    create_table(sandbox, "dropme")
    put_item(sandbox, "dropme", {"pk": {"S": "a"}})
    answer = alternator(sandbox, "DeleteTable", {"TableName": "dropme"})
    assert answer.status == 200, answer


def create_table(sandbox: Sandbox, name: str, **more: Any) -> None:
    """Make a table with the partition key `pk`; `more` goes into the request as it is."""
    request = {
        "TableName": name,
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    answer = alternator(sandbox, "CreateTable", request | more)
    assert answer.status == 200, answer


def put_item(sandbox: Sandbox, table: str, item: dict[str, Any]) -> None:
    """Write one item."""
    answer = alternator(sandbox, "PutItem", {"TableName": table, "Item": item})
    assert answer.status == 200, answer


@contextmanager
def _foreign_upload(sandbox: Sandbox) -> Iterator[None]:
    [directory] = (sandbox.data_directory / "alternator_users").glob("users-*/upload")
    foreign = directory / "foreign.txt"
    foreign.write_text("no SSTable")
    yield
    foreign.unlink()


def enact(sandbox: Sandbox, entries: list[dict[str, Any]]) -> None:
    """Send the recorded requests that changed something."""
    for entry in entries:
        operation = entry["target"].removeprefix(_TARGET)
        if operation in _CHANGING and entry["status"] == 200:
            answer = alternator(sandbox, operation, entry["request"])
            assert answer.status == 200, (entry["target"], entry["request"], answer)


def write_items(sandbox: Sandbox) -> None:
    """Write items into every table of the recorded node that had some (and that exists in this sandbox)."""
    for table, (count, item) in _ITEMS.items():
        if table not in sandbox.catalog.tables:
            continue
        puts = [{"PutRequest": {"Item": item(i)}} for i in range(count)]
        for first in range(0, count, 25):
            answer = alternator(sandbox, "BatchWriteItem", {"RequestItems": {table: puts[first : first + 25]}})
            assert answer.status == 200, (table, answer)


def _binary(number: int) -> dict[str, str]:
    # Four characters are three bytes in base64.
    return {"B": f"{number:04d}"}


# The real node's items were not recorded: these only have the same keys. Tables that are missing were empty.
_ITEMS: dict[str, tuple[int, Callable[[int], dict[str, Any]]]] = {
    "users": (
        200,
        lambda i: {
            "pk": {"S": f"u{i // 10}"},
            "sk": {"S": f"s{i % 10}"},
            "age": {"N": str(i % 90)},
            "email": {"S": f"user{i}@example.com"},
        },
    ),
    "orders": (200, lambda i: {"id": {"S": f"order-{i}"}, "total": {"N": str(i)}}),
    "Game.Scores-2024": (
        60,
        lambda i: {
            "player": {"S": f"p{i % 12}"},
            "at": {"N": str(i)},
            "level": {"N": str(i % 30)},
            "blob": _binary(i),
        },
    ),
    "binkeys": (100, lambda i: {"b": _binary(i), "n": {"N": str(i)}}),
    "streamed": (100, lambda i: {"pk": {"S": f"k{i}"}}),
    "expiring": (100, lambda i: {"pk": {"S": f"k{i}"}, "exp": {"N": "4102444800"}}),
    "...": (20, lambda i: {"pk": {"S": f"k{i}"}}),
    ".hidden": (100, lambda i: {"pk": {"S": f"k{i}"}}),
    "provisioned": (100, lambda i: {"pk": {"S": f"k{i}"}}),
}
