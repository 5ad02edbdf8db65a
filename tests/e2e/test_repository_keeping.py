"""What keeps an incremental repository sound, through the command line: verify, repository check, prune --host."""

import json
import shutil
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from backup_core.repository.marker import marker_content, new_marker
from sandbox.node import Sandbox
from tests.conformance.dynamodb import client, simple_table
from tests.conftest import Cli, settings_text
from tests.s3_server import ACCESS_KEY_ID, SECRET, boto3_client, create_bucket


NOBODY = {"ALTERNATOR_BACKUP_CQL__PORT": "1", "ALTERNATOR_BACKUP_NODE__API_URL": "http://127.0.0.1:1"}
"""Settings with which no node answers."""


@pytest.fixture
def settings_file(node: Sandbox, tmp_path: Path) -> Path:
    """Settings with an incremental repository in a directory that all hosts share."""
    head, _, rest = settings_text(node, tmp_path).partition("[repository.local]")
    where = f'path = "{tmp_path / "backups"}/{{host_id}}"\nmode = "incremental"\nallow_same_disk = true'
    path = tmp_path / "settings.toml"
    retention = "[repository.offsite.retention]\nkeep_last = 1"
    path.write_text(f"{head}[repository.offsite]\n{where}\n{retention}\n[{rest.partition('[')[2]}")
    return path


def put(node: Sandbox, *numbers: int) -> None:
    """Write items, into an SSTable of their own with the next backup."""
    for number in numbers:
        client(node).put_item(TableName="orders", Item={"pk": {"S": f"a{number}"}, "sk": {"S": "b"}})


def folder(tmp_path: Path) -> Path:
    """This host's."""
    (found,) = (tmp_path / "backups").iterdir()
    return found


@pytest.mark.usefixtures("settings_file")
def test_damage_is_found_told_and_mended(node: Sandbox, tmp_path: Path, cli: Cli) -> None:
    """A flipped byte makes the backup damaged and `check` critical; the next backup stores anew what was damaged."""
    client(node).create_table(**simple_table("orders"))
    put(node, 1)
    assert cli("backup", "orders").returncode == 0
    checked = cli("repository", "check", "--json")
    (found,) = json.loads(checked.stdout)
    assert (checked.returncode, found["backups"], found["missing"], found["orphans"]["objects"]) == (0, 1, [], 0)
    assert found["host_id"] == folder(tmp_path).name

    (data,) = folder(tmp_path).glob("orders/*/sstables/*-Data.db*")
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 1
    data.write_bytes(content)
    deep = cli("verify", "--deep", "--json")
    (result,) = json.loads(deep.stdout)
    assert (deep.returncode, result["result"], deep.stderr.count("ERROR")) == (1, "damaged", 1)
    assert data.name in result["detail"]
    assert json.loads(cli("list", "--json").stdout)[0]["status"] == "damaged"
    sampled = cli("verify", "--sample", "5%")
    assert (sampled.returncode, "read back" in sampled.stdout) == (1, True), "it stays known"
    assert cli("verify", "--sample", "0%").returncode == 2
    check = cli("check")
    assert (check.returncode, "is damaged: read back" in check.stdout) == (2, True)

    assert cli("backup", "orders").returncode == 0
    again = cli("verify", "--deep", "--json")
    assert {each["result"] for each in json.loads(again.stdout)} == {"ok", "damaged"}
    assert cli("check").returncode == 0
    (other,) = {path.name for path in data.parent.glob("*-Data.db*")} - {data.name}
    assert other.split("-")[0] == data.name.split("-")[0]

    (data.parent / other).unlink()
    broken = cli("repository", "check", "offsite")
    assert broken.returncode == 1
    assert f"{other} is missing" in broken.stdout
    unknown = cli("repository", "check", "elsewhere")
    assert (unknown.returncode, "Known: offsite" in unknown.stderr) == (10, True)


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.usefixtures("settings_file")
def test_what_a_host_that_left_has_stored_can_be_pruned(node: Sandbox, tmp_path: Path, cli: Cli) -> None:
    """Another host's backups stay, unless it is named and has left the ring, or is said to have where nobody knows."""
    client(node).create_table(**simple_table("orders"))
    for number in (1, 2):
        put(node, number)
        assert cli("backup", "orders").returncode == 0
    own, gone = folder(tmp_path), tmp_path / "backups" / str(uuid.uuid4())
    shutil.copytree(own, gone)
    marker = gone / "~repository.json"
    fields = json.loads(marker.read_text())
    marker.write_text(json.dumps({**fields, "host_id": gone.name, "repository_id": str(uuid.uuid4())}))

    def backups(host: Path) -> int:
        return len([path for path in host.glob("orders/*/backups/*.json") if path.name.count(".") == 1])

    refused = cli("prune", "--host", own.name, "--yes")
    assert (refused.returncode, "is in the ring" in refused.stderr) == (78, True)
    unknown = cli("prune", "--host", gone.name, "--yes", env=NOBODY)
    assert (unknown.returncode, "--left" in unknown.stderr) == (75, True)
    nowhere = cli("prune", "--host", str(uuid.uuid4()), "--yes")
    assert (nowhere.returncode, "no repository of a host" in nowhere.stderr) == (10, True), nowhere.stderr
    assert (backups(own), backups(gone)) == (2, 2)

    pruned = cli("prune", "--yes")
    assert pruned.returncode == 0, pruned.stderr
    assert f"{gone} is another host's" in pruned.stderr
    assert (backups(own), backups(gone)) == (1, 2)
    assert "1 backup" in cli("prune", "--plan", "--host", gone.name, env=NOBODY).stderr
    pruned = cli("prune", "--host", gone.name, "--left", "--yes", env=NOBODY)
    assert pruned.returncode == 0, pruned.stderr
    assert (backups(own), backups(gone)) == (1, 1)

    forgotten = cli("forget", "orders", "--host", gone.name, "--yes")
    assert forgotten.returncode == 0, forgotten.stderr
    assert [path.name for path in gone.iterdir()] == ["~repository.json"]
    assert cli("verify", "--deep").returncode == 0


def test_what_is_not_ours_in_a_bucket_is_told(tmp_path: Path, cli: Cli) -> None:
    """Every host's folder is looked at by itself; a folder that is no host's is named, and is no failure."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url, hosts = f"http://{host}:{port}", sorted(str(uuid.uuid4()) for _ in range(2))
        bucket = create_bucket(url)
        store = boto3_client(url)
        for key in hosts:
            marker = marker_content(new_marker(key, "Test Cluster", datetime.now(UTC)), "incremental")
            store.put_object(Bucket=bucket, Key=f"production/{key}/~repository.json", Body=marker)
        store.put_object(Bucket=bucket, Key="production/holiday photos/1.jpg", Body=b"?")
        (tmp_path / "settings.toml").write_text(f"""
            [repository.offsite]
            kind = "s3"
            bucket = "{bucket}"
            prefix = "production"
            endpoint_url = "{url}"
            region = "us-east-1"
            addressing_style = "path"
            access_key_id = "{ACCESS_KEY_ID}"
            [state]
            directory = "{tmp_path / "state"}"
        """)
        env = {"ALTERNATOR_BACKUP_REPOSITORY__OFFSITE__SECRET_ACCESS_KEY": SECRET}
        checked = cli("repository", "check", "--settings", "settings.toml", "--json", env=env)
    finally:
        server.stop()
    assert checked.returncode == 0, checked.stderr
    found = json.loads(checked.stdout)
    assert [each["host_id"] for each in found] == hosts
    assert {tuple(each["beside"]) for each in found} == {("holiday photos",)}
