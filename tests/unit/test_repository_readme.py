import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from backup_core.archive import ArchiveFormat
from backup_core.model import Table
from backup_core.repository.create_table import create_table_request, stream_request, time_to_live_request
from tests.repository_backups import TABLE_ID, description, names, opened, published


NEW_ID = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"

# Stands for a program that needs a node or root: writes its arguments down, one list in JSON a line.
RECORDER = (
    f"#!{sys.executable} -IS"
    """
import json, os, sys
with open(os.environ["CALLS"], "a") as calls:
    print(json.dumps([os.path.basename(sys.argv[0]), *sys.argv[1:]]), file=calls)
if "describe-table" in sys.argv:
    print(os.environ["NEW_ID"])
"""
)
SUDO = """#!/bin/sh
exec "$@"
"""


def commands(readme: str) -> str:
    """The commands of a README as a shell would get them: what is indented by four."""
    return "\n".join(line[4:] for line in readme.splitlines() if line.startswith("    "))


def follow(readme: Path, programs: Path) -> list[list[str]]:
    """Do what a README says, in its directory, without a node, and return the calls that would have gone to one."""
    programs.mkdir()
    for name, text in (("aws", RECORDER), ("curl", RECORDER), ("sudo", SUDO)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    environment = {"PATH": f"{programs}:{os.environ['PATH']}", "CALLS": str(programs / "calls"), "NEW_ID": NEW_ID}
    script = "set -eu\n" + commands(readme.read_text())
    subprocess.run(["bash"], input=script.encode(), cwd=readme.parent, env=environment, check=True, capture_output=True)
    return [json.loads(line) for line in (programs / "calls").read_text().splitlines()]


def parameters(call: list[str]) -> dict[str, Any]:
    """What a call of the AWS command line asks for."""
    parsed: dict[str, Any] = json.loads(call[call.index("--cli-input-json") + 1])
    return parsed


@pytest.mark.parametrize(
    ("name", "archive_format"),
    [
        *((name, ArchiveFormat.TAR_GZ) for name in ("users", "...", "-x-", ".hidden", "a" * 222)),
        ("Game.Scores-2024", ArchiveFormat.TAR),
    ],
)
def test_following_the_readme_restores(tmp_path: Path, name: str, archive_format: ArchiveFormat) -> None:
    """The commands as they stand put exactly the SSTables into the new table's directory, and ask for the load."""
    table = Table(name, TABLE_ID)
    data = tmp_path / "data of it's node"
    location = published(opened(tmp_path / "backups", archive_format=archive_format), data, table)
    upload = data / table.keyspace / f"{name}-{NEW_ID.replace('-', '')}" / "upload"
    upload.mkdir(parents=True)
    calls = follow(location / "README.txt", tmp_path / "programs")
    assert [call[2] for call in calls if call[0] == "aws"] == [
        "create-table",
        "describe-table",
        *["scan"] * 2,
        "update-time-to-live",
        "update-table",
        *["describe-table"] * 2,
        "list-tags-of-resource",
        "describe-time-to-live",
    ]
    assert {parameters(call)["TableName"] for call in calls if "--cli-input-json" in call} == {name}
    (load,) = (call for call in calls if call[0] == "curl")
    expected = f"http://127.0.0.1:10000/storage_service/sstables/alternator_{name}?cf={name}&load_and_stream=true"
    assert load[-1] == expected
    prefix = "me-3g8w_00qf_4pbog2i7h2c7am0uoe-big"
    assert names(upload) == {f"{prefix}-Data.db", f"{prefix}-Digest.crc32", f"{prefix}-TOC.txt"}
    assert names(data) == {table.keyspace}


def test_readme_follows_what_the_table_has(tmp_path: Path) -> None:
    """It names the backup, the node and the indexes, checks before anything else, and puts TOC.txt in last."""
    location = published(opened(tmp_path / "backups"), tmp_path / "data")
    text = (location / "README.txt").read_text()
    for fact in ("Backup 1733313018 of the table users", "ScyllaDB 6.2.3", TABLE_ID, '"IndexName": "users_by_age"'):
        assert fact in text
    steps = commands(text)
    order = ["sha256sum -c", "create-table", "tar -x", "! -name '*-TOC.txt'", "-name '*-TOC.txt' -exec", "curl", "scan"]
    assert [steps.index(step) for step in order] == sorted(steps.index(step) for step in order)
    assert "cqlsh" not in text


@pytest.mark.skipif(shutil.which("aws") is None, reason="the AWS command line is not installed")
def test_the_aws_command_line_understands_the_request(tmp_path: Path) -> None:
    """The parameters of CreateTable pass the AWS command line's own check; only the node is missing."""
    location = published(opened(tmp_path / "backups"), tmp_path / "data")
    line = next(line for line in commands((location / "README.txt").read_text()).splitlines() if "create-table" in line)
    environment = os.environ | {
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
        "ALTERNATOR": "http://127.0.0.1:1",
    }
    done = subprocess.run(["bash", "-c", line], env=environment, check=False, capture_output=True, text=True)
    assert "Could not connect to the endpoint URL" in done.stderr


def test_create_table_request_takes_what_create_table_takes() -> None:
    """Descriptions are cut down to what CreateTable accepts; tags of Alternator's own bookkeeping are left out."""
    assert create_table_request(description()) == {
        "TableName": "users",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "age", "AttributeType": "N"},
        ],
        "BillingMode": "PAY_PER_REQUEST",
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "users_by_age",
                "KeySchema": [{"AttributeName": "age", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        "Tags": [{"Key": "team", "Value": "it's core"}, {"Key": "system:write_isolation", "Value": "always"}],
    }
    assert time_to_live_request(description()) == {
        "TableName": "users",
        "TimeToLiveSpecification": {"Enabled": True, "AttributeName": "expires"},
    }
    assert stream_request(description()) == {
        "TableName": "users",
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    }


@pytest.mark.parametrize("version", ["6.2.3", "2026.1.12"])
def test_recorded_descriptions_give_what_was_asked_for_then(version: str) -> None:
    """For every recorded table the request has the keys, indexes and attributes of the one that had created it."""
    recorded = json.loads((Path(__file__).parents[1] / "data" / f"scylla-{version}" / "alternator.json").read_bytes())
    for name, described in recorded["DescribeTable"].items():
        created = recorded["CreateTable"].get(name)
        if created is None or "TableName" not in described:
            continue
        request = create_table_request({"table": described, "tags": recorded["ListTagsOfResource"].get(name)})
        assert request["KeySchema"] == created["KeySchema"]
        for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
            made = {index["IndexName"]: index["KeySchema"][:1] for index in request.get(kind, ())}
            assert made == {index["IndexName"]: index["KeySchema"][:1] for index in created.get(kind, ())}
        used = {
            key["AttributeName"]
            for part in (request, *request.get("GlobalSecondaryIndexes", ()), *request.get("LocalSecondaryIndexes", ()))
            for key in part["KeySchema"]
        }
        assert {attribute["AttributeName"] for attribute in request["AttributeDefinitions"]} == used


def test_provisioned_tables_stay_provisioned() -> None:
    """A newer node tells the capacity that a table was created with; only the two numbers go back."""
    described = description()
    described["table"]["BillingModeSummary"] = {"BillingMode": "PROVISIONED"}
    described["table"]["ProvisionedThroughput"] = {
        "ReadCapacityUnits": 5,
        "WriteCapacityUnits": 6,
        "NumberOfDecreasesToday": 0,
    }
    request = create_table_request(described)
    assert request["BillingMode"] == "PROVISIONED"
    assert request["ProvisionedThroughput"] == {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6}
