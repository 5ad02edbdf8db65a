"""README.txt of a backup, followed literally: its commands, in one shell, in the backup's directory."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.node import Sandbox
from tests.conformance.dynamodb import indexed_table
from tests.conftest import TIMEOUT_SECONDS, clean_environment
from tests.faults.commands import until
from tests.faults.harness import Station


ITEMS = 60

ADDRESSES = "export ALTERNATOR=http://127.0.0.1:8000 API=http://127.0.0.1:10000"
"""The one line that a reader has to change where the node listens elsewhere."""

STAND_INS = {
    "aws": f'exec {sys.executable} {Path(__file__).with_name("aws.py")} "$@"',
    "sudo": 'exec "$@"',
}


def make(station: Station, name: str) -> None:
    """A table with everything that a table can have; some items are in no index, or not in all of them."""
    dynamodb = station.dynamodb()
    vnodes = {"Key": "system:initial_tablets", "Value": "none"}
    former = {"Key": "experimental:initial_tablets", "Value": "none"}
    tags = [{"Key": "team", "Value": "it is blue"}, {"Key": "system:write_isolation", "Value": "always"}]
    dynamodb.create_table(
        **indexed_table(name),
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        Tags=[*tags, former if station.node.catalog.version.release.startswith("6.2") else vnodes],
    )
    for number in range(ITEMS):
        item = {"pk": {"S": f"a{number}"}, "sk": {"S": "b"}, "nested": {"M": {"list": {"L": [{"NULL": True}]}}}}
        item |= {"age": {"N": str(number)}} if number % 3 else {}
        item |= {"day": {"S": "Ünïcödé"}} if number % 5 else {}
        dynamodb.put_item(TableName=name, Item=item)
    dynamodb.delete_item(TableName=name, Key={"pk": {"S": "a1"}, "sk": {"S": "b"}})
    ttl = {"Enabled": True, "AttributeName": "until"}
    dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=ttl)


def seen(station: Station, name: str) -> dict[str, Any]:
    """All that a client can see of a table and that is to come back."""
    dynamodb = station.dynamodb()
    table = dynamodb.describe_table(TableName=name)["Table"]
    kinds = ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
    indexes = {index["IndexName"]: index["KeySchema"] for kind in kinds for index in table[kind]}
    return {
        "keys": table["KeySchema"],
        "indexes": indexes,
        "stream": table["StreamSpecification"],
        "tags": sorted(tag["Key"] + "=" + tag["Value"] for tag in user_tags(dynamodb, table["TableArn"])),
        "time to live": dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"],
        "items": items(dynamodb, TableName=name),
        **{index: items(dynamodb, TableName=name, IndexName=index) for index in indexes},
    }


def user_tags(dynamodb: Any, arn: str) -> list[dict[str, str]]:
    """Tags but for the server's own, some of which show there."""
    own = {"system:ttl_attribute", "system:table_creation_time"}
    return [tag for tag in dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"] if tag["Key"] not in own]


def items(dynamodb: Any, **table: str) -> list[str]:
    """All items, in an order of their own."""
    return sorted(repr(sorted(item.items())) for item in dynamodb.scan(**table)["Items"])


def follow(readme: Path, node: Sandbox, directory: Path) -> str:
    """Type what the README has indented by four, and return what is printed; only the addresses are the node's."""
    script = "\n".join(line[4:] for line in readme.read_text().splitlines() if line.startswith("    "))
    assert script.count(ADDRESSES) == 1
    script = script.replace(ADDRESSES, f"export ALTERNATOR={node.alternator.url} API={node.api.url}")
    directory.mkdir()
    for name, command in STAND_INS.items():
        (directory / name).write_text(f"#!/bin/sh\n{command}\n")
        (directory / name).chmod(0o755)
    environment = clean_environment(directory)
    ended = subprocess.run(
        ["bash", "-eu", "-o", "pipefail"],
        input=script,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        cwd=readme.parent,
        env=environment | {"PATH": os.pathsep.join((str(directory), environment["PATH"]))},
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout
    return ended.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("node", "name"), [("6.2", "users"), ("2026.1", "-x-")], indirect=["node"])
def test_the_readme_brings_a_table_back(node: Sandbox, tmp_path: Path, name: str) -> None:
    """After DeleteTable the commands as they stand bring all back that a client can see, and leave no file."""
    station = Station(node, tmp_path)
    make(station, name)
    before = seen(station, name)
    station.back_up(name)
    (listing,) = station.listed()
    files = sorted(node.data_directory.iterdir())
    station.drop(name)
    printed = follow(listing.location / "README.txt", node, tmp_path / "programs")
    assert "users_backup.tar.gz: OK".replace("users", name) in printed
    assert "\n200\n" in printed
    until(lambda: seen(station, name) == before)
    assert sorted(node.data_directory.iterdir()) == files
    assert list(node.data_directory.glob("*/*/upload/*")) == []
