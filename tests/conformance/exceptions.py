"""Where the sandbox may differ from the recordings of real nodes, and why: the one list of exceptions."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FidelityException:
    """Paths of an answer where only the type is compared.

    Attributes:
        versions: of the server.
        recording: the file's name.
        entry: pattern of the entries it is for: `METHOD path?query` in rest.json, operation and table's name in
            alternator_raw.json, the label in cql.json and auth.json; a path in tree.json.
        paths: patterns of key paths in the answer, as `replay.assert_same` takes them.
        reason: why.
    """

    versions: tuple[str, ...]
    recording: str
    entry: str
    paths: tuple[str, ...]
    reason: str


_BOTH = ("6.2", "2026.1")

EXCEPTIONS: tuple[FidelityException, ...] = (
    FidelityException(
        _BOTH,
        "rest.json",
        "GET /v2/config/alternator_port",
        ("",),
        "the sandbox takes free ports",
    ),
    FidelityException(
        _BOTH,
        "rest.json",
        "GET /storage_service/tokens",
        ("?*",),
        "a node draws its tokens on the ring when it is made",
    ),
    FidelityException(
        _BOTH,
        "rest.json",
        "GET /storage_service/tokens_endpoint",
        ("*/key",),
        "a node draws its tokens on the ring when it is made",
    ),
    FidelityException(
        ("6.2",),
        "rest.json",
        "GET /storage_service/describe_ring/*",
        ("*/start_token", "*/end_token"),
        "a node draws its tokens on the ring when it is made",
    ),
    FidelityException(
        ("6.2",),
        "rest.json",
        "GET /storage_service/range_to_endpoint_map/*",
        ("*/key/0", "*/key/1"),
        "a node draws its tokens on the ring when it is made",
    ),
    FidelityException(
        ("6.2",),
        "rest.json",
        "GET /storage_service/tokens_endpoint?keyspace=*",
        ("message",),
        "the real message goes on with addresses and symbols of the server's program",
    ),
    FidelityException(
        _BOTH,
        "rest.json",
        "GET /storage_service/snapshots",
        ("*/total",),
        "the recorded node's items, and so the sizes of its files, are not known",
    ),
    FidelityException(
        ("2026.1",),
        "rest.json",
        "GET /storage_service/snapshots",
        ("*/live",),
        "the sandbox never compacts, so that live SSTables stay shared with their snapshots",
    ),
    FidelityException(
        ("2026.1",),
        "tree.json",
        "*/pending_delete",
        ("",),
        "the sandbox never compacts, so that no SSTable is deleted",
    ),
    FidelityException(
        ("2026.1",),
        "tree.json",
        "*",
        ("*/nlink",),
        "the sandbox never compacts, so that live SSTables stay shared with their snapshots",
    ),
    FidelityException(
        ("2026.1",),
        "alternator_raw.json",
        "DescribeTable *",
        ("Table/TableSizeBytes",),
        "the recorded node's items, and when it flushed them, are not known",
    ),
    FidelityException(
        ("2026.1",),
        "cql.json",
        "tablets",
        ("rows/*/5",),
        "resize_seq_number: how often the node has resized a table's tablets depends on its load",
    ),
)
