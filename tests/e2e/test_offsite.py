"""A bucket as a repository, through the command line: on a real S3 server, with no more rights than are needed."""

from collections.abc import Iterator
from pathlib import Path

import pyrage
import pytest

from sandbox.node import Sandbox
from tests.conformance.dynamodb import client, simple_table
from tests.e2e.offsite import BUCKET, READER, Machine, prepare
from tests.s3_server import S3Server, running_s3_server


KEY = pyrage.x25519.Identity.generate()


@pytest.fixture
def server(tmp_path: Path, node: Sandbox) -> Iterator[S3Server]:
    """An S3 server with the bucket of docs/offsite.md, where `node` may write its folder."""
    (tmp_path / "s3").mkdir()
    with running_s3_server(tmp_path / "s3") as server:
        prepare(server, node)
        yield server


@pytest.fixture
def machine(server: S3Server, node: Sandbox, tmp_path: Path) -> Machine:
    """A node with a table of one item that keeps its backups in the bucket."""
    client(node).create_table(**simple_table("orders"))
    put(node, "a1")
    return Machine(node, server, tmp_path / "machine")


def put(node: Sandbox, *keys: str) -> None:
    """Write items."""
    for key in keys:
        client(node).put_item(TableName="orders", Item={"pk": {"S": key}})


def keys(node: Sandbox, table: str = "orders") -> set[str]:
    """Those of all items."""
    return {item["pk"]["S"] for item in client(node).scan(TableName=table)["Items"]}


def objects(server: S3Server) -> set[Path]:
    """The files of all objects with data."""
    return {path for path in (server.directory / BUCKET).glob("production/*/orders/*/sstables/*") if path.is_file()}


def sent(machine: Machine) -> int:
    """How many objects the newest backup had to send."""
    number: int = machine.manifest("orders")["sent"]["objects"]
    return number


def test_each_backup_sends_what_is_new_and_pruning_leaves_the_rest_whole(machine: Machine) -> None:
    """With the page's policy a node backs up, plans, prunes and verifies; where nothing is new, nothing is sent."""
    machine.call("backup", "orders")
    assert sent(machine) == 3
    machine.call("backup", "orders")
    assert sent(machine) == 0
    put(machine.node, "a2")
    machine.call("backup", "orders")
    assert sent(machine) == 3

    machine.retention = "keep_last = 1\n"
    planned = machine.call("prune", "--plan").splitlines()[1:]
    assert [" remove " in line for line in planned] == [False, True, True]
    machine.call("prune", "--yes")
    (left,) = machine.listed()
    assert left["status"] == "complete"
    assert left["location"].startswith(f"s3://{BUCKET}/production/{machine.node.catalog.host_id}/orders/")
    assert " every byte" in machine.call("verify", "--deep")


def test_an_encrypted_table_comes_back_on_a_node_that_never_saw_it(
    machine: Machine, server: S3Server, tmp_path: Path
) -> None:
    """Who may only read restores it there with the private key, and not without."""
    machine.encrypt_to = str(KEY.to_public())
    machine.call("backup", "orders")
    assert {path.suffix for path in objects(server)} == {".age"}
    with Sandbox("2026.1", directory=tmp_path / "elsewhere") as elsewhere:
        there = Machine(elsewhere, server, tmp_path / "there", user=READER)
        refused = there.run("restore", "orders", "--from", "offsite")
        assert (refused.returncode, refused.stderr.count("ERROR")) == (77, 1)
        (there.directory / "key.txt").write_text(f"{KEY}\n")
        assert "proven" in there.call("restore", "orders", "--from", "offsite", "--identity", "key.txt")
        assert keys(elsewhere) == {"a1"}


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_what_is_damaged_is_told_and_sent_anew(machine: Machine, server: S3Server) -> None:
    """A deep verification finds a flipped byte, `check` turns critical, and the next backup is whole again."""
    machine.call("backup", "orders")
    (data,) = (path for path in objects(server) if path.name.endswith("-Data.db"))
    content = data.read_bytes()
    data.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    found = machine.run("verify", "--deep")
    assert (found.returncode, found.stderr.count("ERROR")) == (1, 1)
    assert data.name in found.stdout
    (damaged,) = machine.listed()
    assert damaged["status"] == "damaged"
    critical = machine.run("check")
    assert (critical.returncode, "CRITICAL" in critical.stdout) == (2, True), critical.stdout

    machine.call("backup", "orders")
    assert sent(machine) == 1
    assert "every byte" in machine.call("verify", "orders", machine.manifest("orders")["tag"], "--deep")
