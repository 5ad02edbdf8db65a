"""What is in a table's `upload/` is loaded, or refused, as the real node does it."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.faults import Fault
from sandbox.node import Sandbox
from tests.conformance.dynamodb import client, simple_table
from tests.conformance.loading import eventually, load, message, table_directory, upload
from tests.conformance.replay import VERSIONS, rest, snapshot_directories
from tests.conformance.snapshotting import in_order, items_of, scan, take, taken


ITEMS = [
    {"pk": {"S": "text"}, "v": {"M": {"list": {"L": [{"N": "1.50"}, {"B": "AAEC"}, {"NULL": True}]}, "é": {"S": ""}}}},
    {"pk": {"S": "séts \u2028\n"}, "s": {"SS": ["a", ""]}, "n": {"NS": ["1", "-2e5"]}, "b": {"BS": ["AA=="]}},
    {"pk": {"S": "flag"}, "t": {"BOOL": True}, "empty": {"L": []}, "big": {"S": "x" * 300_000}},
]


@pytest.fixture(params=VERSIONS)
def sandbox(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sandbox]:
    """A node with a table `users` that has items, and an empty one `target`."""
    with Sandbox(request.param, directory=tmp_path) as sandbox:
        dynamodb = client(sandbox)
        for name in ("users", "target"):
            dynamodb.create_table(**simple_table(name))
        for item in ITEMS:
            sandbox.items.put(sandbox.catalog.tables["users"], item)
        yield sandbox


def test_files_of_one_table_load_into_another(sandbox: Sandbox) -> None:
    """Every type comes back as it was, all files leave `upload/`, and the table's own snapshot then holds the items."""
    directory = upload(sandbox, "target", taken(sandbox, "users"))
    answer = load(sandbox, "target")
    assert (answer.status, answer.body, list(directory.iterdir())) == (200, "", [])
    assert in_order(scan(sandbox, "target")) == in_order(ITEMS)
    assert in_order(items_of(taken(sandbox, "target"))) == in_order(ITEMS)


def test_loading_twice_changes_nothing(sandbox: Sandbox) -> None:
    """The same files again are the same writes again."""
    snapshot = taken(sandbox, "users")
    for _ in range(2):
        upload(sandbox, "target", snapshot)
        assert load(sandbox, "target").status == 200
    assert in_order(scan(sandbox, "target")) == in_order(ITEMS)


def test_loaded_items_lose_against_newer_writes(sandbox: Sandbox) -> None:
    """What was written or deleted after the snapshot stays as it is: the times of the writes are kept."""
    snapshot = taken(sandbox, "users")
    dynamodb = client(sandbox)
    dynamodb.put_item(TableName="users", Item={"pk": {"S": "text"}, "v": {"S": "newer"}})
    dynamodb.delete_item(TableName="users", Key={"pk": {"S": "flag"}})
    update = {"UpdateExpression": "SET more = :m", "ExpressionAttributeValues": {":m": {"N": "1"}}}
    dynamodb.update_item(TableName="users", Key={"pk": ITEMS[1]["pk"]}, **update)
    before = in_order(scan(sandbox, "users"))
    upload(sandbox, "users", snapshot)
    assert load(sandbox, "users").status == 200
    assert in_order(scan(sandbox, "users")) == before


def test_a_snapshot_of_a_later_delete_deletes(sandbox: Sandbox) -> None:
    """The deletion of an item is in the files, too: it wins over the item that was there before it."""
    client(sandbox).delete_item(TableName="users", Key={"pk": {"S": "flag"}})
    snapshot = taken(sandbox, "users")
    upload(sandbox, "target", snapshot)
    assert load(sandbox, "target").status == 200
    assert in_order(scan(sandbox, "target")) == in_order(ITEMS[:2])


def test_an_sstable_without_its_toc_is_removed_without_a_word(sandbox: Sandbox) -> None:
    """No TOC.txt, or one that is not complete: 200, nothing loaded, nothing left."""
    snapshot = taken(sandbox, "users")
    directory = upload(sandbox, "target", snapshot, but="TOC.txt")
    assert (load(sandbox, "target").status, list(directory.iterdir())) == (200, [])
    upload(sandbox, "target", snapshot)
    for toc in directory.glob("*-TOC.txt"):
        (directory / f"{toc.name}.tmp").write_bytes(toc.read_bytes())
    assert (load(sandbox, "target").status, list(directory.iterdir())) == (200, [])
    assert scan(sandbox, "target") == []


def foreign_file(directory: Path) -> None:
    """A file of somebody else's."""
    (directory / "foreign.txt").write_text("no SSTable")


def hidden_file(directory: Path) -> None:
    """As a careless copy would be called on its way."""
    (directory / ".me-copy.tmp").write_text("")


def symbolic_link(directory: Path) -> None:
    """A link instead of a file."""
    data = next(directory.glob("*-Data.db"))
    data.rename(directory.parent / "elsewhere")
    data.symlink_to(directory.parent / "elsewhere")


def missing(component: str) -> Callable[[Path], None]:
    """A component of one SSTable is not there."""

    def damage(directory: Path) -> None:
        next(directory.glob(f"*-{component}")).unlink()

    return damage


def changed(component: str) -> Callable[[Path], None]:
    """A byte of a component of one SSTable is another."""

    def damage(directory: Path) -> None:
        path = next(directory.glob(f"*-{component}"))
        content = path.read_bytes()
        # A new file: the old one is a link to the snapshot's.
        path.unlink()
        path.write_bytes(bytes([content[0] ^ 1]) + content[1:])

    return damage


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (foreign_file, "malformed_sstable_exception (invalid version for file foreign.txt."),
        (hidden_file, "malformed_sstable_exception (invalid version for file .me-copy.tmp."),
        (symbolic_link, "std::runtime_error (Must be either a regular file or a directory (type=5))"),
        (missing("Data.db"), "filesystem error: open failed: No such file or directory ["),
        (missing("Statistics.db"), "-big-Statistics.db: file not found)"),
        (missing("Digest.crc32"), "-big-Digest.crc32: file not found)"),
        (changed("Data.db"), "failed checksum, expected="),
        (changed("Digest.crc32"), "failed checksum, expected="),
    ],
    ids=["foreign", "hidden", "link", "no data", "no statistics", "no digest", "changed data", "changed digest"],
)
def test_damaged_uploads_are_refused_as_a_whole(sandbox: Sandbox, damage: Callable[[Path], None], text: str) -> None:
    """A 500 with the server's text; no item is loaded, and what was put there is still there."""
    directory = upload(sandbox, "target", taken(sandbox, "users"))
    damage(directory)
    names = {path.name for path in directory.iterdir()}
    refusal = message(load(sandbox, "target"))
    assert refusal.startswith("Failed to load new sstables: ")
    assert text in refusal
    assert {path.name for path in directory.iterdir()} == names
    assert scan(sandbox, "target") == []


def test_what_belongs_to_snapshots_is_left_alone(sandbox: Sandbox) -> None:
    """manifest.json, schema.cql and directories neither fail the load nor leave `upload/`."""
    snapshot = taken(sandbox, "users")
    directory = upload(sandbox, "target", snapshot)
    for name in ("manifest.json", "schema.cql"):
        (directory / name).write_bytes((snapshot / name).read_bytes())
    (directory / "below").mkdir()
    assert load(sandbox, "target").status == 200
    assert {path.name for path in directory.iterdir()} == {"manifest.json", "schema.cql", "below"}
    assert len(scan(sandbox, "target")) == len(ITEMS)


@pytest.mark.parametrize("version", VERSIONS)
def test_real_sstables_are_refused(version: str) -> None:
    """The sandbox can't read what real nodes wrote, and never pretends that it was empty."""
    with Sandbox(version) as sandbox:
        client(sandbox).create_table(**simple_table("orders"))
        upload(sandbox, "orders", snapshot_directories(version)["orders"])
        assert "reads only SSTables that it has written itself" in message(load(sandbox, "orders"))


def test_other_keys_are_refused(sandbox: Sandbox) -> None:
    """Files of a table with a text key do not load into one whose key is a number."""
    number = {"AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "N"}]}
    client(sandbox).create_table(**simple_table("numbers") | number)
    upload(sandbox, "numbers", taken(sandbox, "users"))
    assert "keys of the types" in message(load(sandbox, "numbers"))


def test_files_of_a_newer_server_are_refused(tmp_path: Path) -> None:
    """6.2 knows nothing of compression with dictionaries, which 2026.1 uses."""
    with Sandbox("2026.1", directory=tmp_path / "new") as newer, Sandbox("6.2", directory=tmp_path / "old") as older:
        for node in (newer, older):
            client(node).create_table(**simple_table("users"))
        client(newer).put_item(TableName="users", Item=ITEMS[0])
        upload(older, "users", taken(newer, "users"))
        assert "unknown compressor" in message(load(older, "users"))


def test_sixteen_sstables_are_a_batch(tmp_path: Path) -> None:
    """When a load fails in its second batch, the first one is loaded and consumed, and the rest is there."""
    with Sandbox(directory=tmp_path) as sandbox:
        dynamodb = client(sandbox)
        dynamodb.create_table(**simple_table("users"))
        for i in range(20):
            dynamodb.put_item(TableName="users", Item={"pk": {"S": str(i)}})
            rest(sandbox, "POST", "/storage_service/keyspace_flush/alternator_users")
        snapshot = taken(sandbox, "users")
        dynamodb.create_table(**simple_table("target"))
        directory = upload(sandbox, "target", snapshot)
        sandbox.faults.set("load alternator_target.target 16", Fault("error", answer="a node went away"), times=1)
        assert message(load(sandbox, "target")) == (
            "Failed to load new sstables: std::runtime_error (a node went away)"
        )
        assert (len(list(directory.glob("*-Data.db"))), len(scan(sandbox, "target"))) == (4, 16)
        assert load(sandbox, "target").status == 200
        assert (list(directory.iterdir()), len(scan(sandbox, "target"))) == ([], 20)


def test_a_second_load_is_refused_while_one_runs(sandbox: Sandbox) -> None:
    """Even of another table: the node has one shard. Reads go on meanwhile."""
    upload(sandbox, "target", taken(sandbox, "users"))
    sandbox.faults.set("load alternator_target.target 0", Fault("hang"), times=1)
    first = threading.Thread(target=load, args=(sandbox, "target"))
    first.start()
    refused = "Failed to load new sstables: std::runtime_error (Already loading SSTables. Try again later)"
    eventually(lambda: load(sandbox, "users").status == 500)
    assert message(load(sandbox, "users")) == refused
    assert scan(sandbox, "target") == []
    sandbox.faults.clear()
    first.join(timeout=10)
    assert len(scan(sandbox, "target")) == len(ITEMS)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_files_must_belong_to_the_server(tmp_path: Path) -> None:
    """A node that runs as somebody else takes only that user's files; its directories are that user's."""
    user = 12345
    with Sandbox(directory=tmp_path, user_id=user) as sandbox:
        client(sandbox).create_table(**simple_table("users"))
        client(sandbox).put_item(TableName="users", Item=ITEMS[0])
        snapshot = taken(sandbox, "users")
        client(sandbox).create_table(**simple_table("target"))
        directory = upload(sandbox, "target", snapshot)
        assert (directory.stat().st_uid, directory.parent.stat().st_gid) == (user, user)
        assert "File not owned by current euid: 12345. Owner is: 0" in message(load(sandbox, "target"))
        for path in directory.iterdir():
            os.chown(path, user, user)
        assert load(sandbox, "target").status == 200


def test_the_table_must_be_named(sandbox: Sandbox) -> None:
    """Without `cf` it is a bad request."""
    answer = rest(sandbox, "POST", "/storage_service/sstables/alternator_users")
    assert (answer.status, answer.body) == (400, '{"message": "Missing mandatory parameter \'cf\'", "code": 400}')


def test_a_snapshot_during_writes_holds_what_was_acknowledged(sandbox: Sandbox) -> None:
    """Every item whose write had ended when the snapshot began is in it, and its files load."""
    table = sandbox.catalog.tables["users"]
    written: list[str] = []
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            name = str(len(written))
            sandbox.items.put(table, {"pk": {"S": name}})
            written.append(name)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        eventually(lambda: len(written) > 50)
        acknowledged = set(written)
        snapshot = taken(sandbox, "users")
    finally:
        stop.set()
        writer.join()
    upload(sandbox, "target", snapshot)
    assert load(sandbox, "target").status == 200
    assert acknowledged <= {item["pk"]["S"] for item in scan(sandbox, "target")}


def test_dropping_takes_files_in_upload_away_but_keeps_snapshots(sandbox: Sandbox) -> None:
    """DeleteTable leaves the `pre-drop` snapshot only; it loads into a new table of the same name."""
    upload(sandbox, "users", taken(sandbox, "users"))
    directory = table_directory(sandbox, "users")
    client(sandbox).delete_table(TableName="users")
    assert [path.name for path in directory.iterdir()] == ["snapshots"]
    [dropped] = directory.glob("snapshots/pre-drop-*")
    client(sandbox).create_table(**simple_table("users"))
    upload(sandbox, "users", dropped)
    assert load(sandbox, "users").status == 200
    assert in_order(scan(sandbox, "users")) == in_order(ITEMS)
    assert take(sandbox, "alternator_users", "again").exists()
