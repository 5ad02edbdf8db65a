"""An incremental repository through the command line, from the first backup to a restored table."""

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer
from pyrage import x25519

from sandbox.node import Sandbox
from tests.conformance.dynamodb import client, simple_table
from tests.conftest import Cli, settings_text
from tests.s3_server import ACCESS_KEY_ID, SECRET


IDENTITY = x25519.Identity.generate()


@pytest.fixture(scope="module")
def moto_url() -> Iterator[str]:
    """A server that plays S3 in this process."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["directory", "bucket"])
def settings_file(request: pytest.FixtureRequest, node: Sandbox, tmp_path: Path) -> Path:
    """Settings with one encrypted incremental repository, in a directory or in a bucket."""
    text = settings_text(node, tmp_path)
    head, _, rest = text.partition("[repository.local]")
    where = f'path = "{tmp_path / "backups"}"\nmode = "incremental"\nallow_same_disk = true'
    if request.param == "bucket":
        url, bucket = request.getfixturevalue("moto_url"), f"bucket-{tmp_path.name.replace('_', '-').lower()[-40:]}"
        session = boto3.Session(ACCESS_KEY_ID, SECRET, region_name="us-east-1")
        session.client("s3", endpoint_url=url).create_bucket(Bucket=bucket)
        where = (
            f'kind = "s3"\nbucket = "{bucket}"\nprefix = "production"\nendpoint_url = "{url}"\nregion = "us-east-1"\n'
            f'addressing_style = "path"\naccess_key_id = "{ACCESS_KEY_ID}"\nsecret_access_key = "{SECRET}"'
        )
    encrypted = f'encrypt_to = ["{IDENTITY.to_public()}"]\n[repository.offsite.retention]\nkeep_last = 1'
    path = tmp_path / "settings.toml"
    path.write_text(f"{head}[repository.offsite]\n{where}\n{encrypted}\n[{rest.partition('[')[2]}")
    (tmp_path / "identity").write_text(f"# created by a test\n{IDENTITY}\n")
    return path


def put(node: Sandbox, *numbers: int) -> None:
    """Write items."""
    for number in numbers:
        client(node).put_item(TableName="orders", Item={"pk": {"S": f"a{number}"}, "sk": {"S": "b"}})


def items(node: Sandbox, table: str) -> set[str]:
    """Partition keys of a table."""
    return {item["pk"]["S"] for item in client(node).scan(TableName=table)["Items"]}


@pytest.mark.parametrize("settings_file", ["directory"], indirect=True)
@pytest.mark.usefixtures("settings_file")
def test_an_encrypted_table_comes_back_to_who_has_the_key(node: Sandbox, tmp_path: Path, cli: Cli) -> None:
    """Without the key a restore is refused in one line; with it the table is there again, and nothing is left over."""
    client(node).create_table(**simple_table("orders"))
    put(node, 1, 2)
    assert cli("backup", "orders").returncode == 0
    refused = cli("restore", "orders", "--as", "copy")
    assert (refused.returncode, refused.stderr.count("ERROR")) == (77, 1)
    assert "is encrypted" in refused.stderr
    restored = cli("restore", "orders", "--as", "copy", "--identity", "identity")
    assert restored.returncode == 0, restored.stderr
    assert items(node, "copy") == {"a1", "a2"}
    assert list(tmp_path.glob("backups/~tmp-*")) == []


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("settings_file")
def test_the_life_of_an_encrypted_repository(node: Sandbox, tmp_path: Path, cli: Cli) -> None:
    """The second backup sends what is new; each verb does its work; pruning leaves the newest backup whole."""
    client(node).create_table(**simple_table("orders"))
    put(node, 1, 2)
    for number in (3, 4):
        result = cli("backup", "orders")
        assert result.returncode == 0, result.stderr
        put(node, number)
    newest, oldest = json.loads(cli("list", "--json").stdout)
    assert {(each["mode"], each["status"]) for each in (newest, oldest)} == {("incremental", "complete")}
    assert newest["sent_bytes"] < newest["size_bytes"]
    assert "objects" in cli("show", "orders").stdout

    key = ("--identity", str(tmp_path / "identity"))
    for arguments in (
        ("verify",),
        ("verify", "--deep", *key),
        ("export-archive", "orders", newest["tag"], "out", *key),
    ):
        result = cli(*arguments)
        assert result.returncode == 0, result.stderr
    assert any(path.name.endswith("-Data.db") for path in (tmp_path / "out").iterdir())
    for arguments in (("restore", "orders", "--as", "copy", *key), ("drill", "orders", *key)):
        result = cli(*arguments)
        assert result.returncode == 0, result.stderr
    assert items(node, "copy") == {"a1", "a2", "a3"}
    shown = json.loads(cli("show", "orders", "--json").stdout)
    assert (shown["restored"]["proven"], shown["drill"]["good"]) == (True, True)

    assert cli("prune", "--yes").returncode == 0
    (left,) = json.loads(cli("list", "--json").stdout)
    assert left["tag"] == newest["tag"]
    assert cli("verify", "--deep", *key).returncode == 0
    assert list(tmp_path.glob("backups/~tmp-*")) == []
