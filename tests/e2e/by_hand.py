"""Restores by hand: a table with everything, what of it a client sees, and a shell in which documents are followed."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.node import Sandbox
from tests.conformance.dynamodb import client, indexed_table
from tests.conftest import TIMEOUT_SECONDS, clean_environment


ITEMS = 60

ADDRESSES = "export ALTERNATOR=http://127.0.0.1:8000 API=http://127.0.0.1:10000"
"""The line that a reader has to change where the node listens elsewhere."""

STAND_INS = {
    "aws": f'exec {sys.executable} {Path(__file__).with_name("aws.py")} "$@"',
    "sudo": 'exec "$@"',
}


def make(node: Sandbox, name: str) -> None:
    """A table with everything that a table can have; some items are in no index, or not in all of them."""
    dynamodb = client(node)
    vnodes = {"Key": "system:initial_tablets", "Value": "none"}
    former = {"Key": "experimental:initial_tablets", "Value": "none"}
    tags = [{"Key": "team", "Value": "it is blue"}, {"Key": "system:write_isolation", "Value": "always"}]
    dynamodb.create_table(
        **indexed_table(name),
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        Tags=[*tags, former if node.catalog.version.release.startswith("6.2") else vnodes],
    )
    for number in range(ITEMS):
        item = {"pk": {"S": f"a{number}"}, "sk": {"S": "b"}, "nested": {"M": {"list": {"L": [{"NULL": True}]}}}}
        item |= {"age": {"N": str(number)}} if number % 3 else {}
        item |= {"day": {"S": "Ünïcödé"}} if number % 5 else {}
        dynamodb.put_item(TableName=name, Item=item)
    dynamodb.delete_item(TableName=name, Key={"pk": {"S": "a1"}, "sk": {"S": "b"}})
    ttl = {"Enabled": True, "AttributeName": "until"}
    dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=ttl)


def seen(node: Sandbox, name: str) -> dict[str, Any]:
    """All that a client can see of a table and that is to come back."""
    dynamodb = client(node)
    table = dynamodb.describe_table(TableName=name)["Table"]
    kinds = ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
    indexes = {index["IndexName"]: index["KeySchema"] for kind in kinds for index in table[kind]}
    return {
        "keys": table["KeySchema"],
        "indexes": indexes,
        "stream": table["StreamSpecification"],
        "tags": sorted(tag["Key"] + "=" + tag["Value"] for tag in _user_tags(dynamodb, table["TableArn"])),
        "time to live": dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"],
        "items": _items(dynamodb, TableName=name),
        **{index: _items(dynamodb, TableName=name, IndexName=index) for index in indexes},
    }


def shell(
    script: str, *, directory: Path, stand_ins: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Type commands into one shell, which ends with the first that fails.

    Args:
        script: the commands.
        directory: where they are typed.
        stand_ins: where programs are put that a test can't expect.
        environment: what it has besides.
    """
    stand_ins.mkdir(exist_ok=True)
    for name, command in STAND_INS.items():
        (stand_ins / name).write_text(f"#!/bin/sh\n{command}\n")
        (stand_ins / name).chmod(0o755)
    clean = clean_environment(stand_ins) | dict(environment or {})
    return subprocess.run(
        ["bash", "-eu", "-o", "pipefail"],
        input=script,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        cwd=directory,
        env=clean | {"PATH": os.pathsep.join((str(stand_ins), clean["PATH"]))},
        check=False,
    )


def _user_tags(dynamodb: Any, arn: str) -> list[dict[str, str]]:
    """Tags but for the server's own, some of which show there."""
    own = {"system:ttl_attribute", "system:table_creation_time"}
    return [tag for tag in dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"] if tag["Key"] not in own]


def _items(dynamodb: Any, **table: str) -> list[str]:
    """All items, in an order of their own."""
    return sorted(repr(sorted(item.items())) for item in dynamodb.scan(**table)["Items"])
