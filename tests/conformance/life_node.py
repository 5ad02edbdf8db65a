"""Which node a table's life is lived on: one that environment variables name, else a sandbox."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from sandbox.node import Sandbox


PREFIX = "ALTERNATOR_BACKUP_TEST_"
"""What the names of the variables begin with; docs/conformance.md says what each is for."""

ANSWER_SECONDS = 300


@dataclass(frozen=True, slots=True)
class LifeNode:
    """All that the tests know of a node.

    Attributes:
        alternator_url, api_url: of DynamoDB's API and of the REST API.
        cql_host, cql_port: of CQL.
        data_directory: where its tables are.
        access_key_id, secret_access_key: for Alternator; empty where nobody is asked.
        cql_username, cql_password: for CQL; the same.
        index_memory_seconds: how long to wait at most until it has forgotten the indexes of a dropped table.
    """

    alternator_url: str
    api_url: str
    cql_host: str
    cql_port: int
    data_directory: Path
    access_key_id: str = ""
    secret_access_key: str = ""
    cql_username: str = ""
    cql_password: str = ""
    index_memory_seconds: float = 300.0


def named_node(environment: Mapping[str, str] = os.environ) -> LifeNode | None:
    """The node that the environment names; None if it names none."""

    def variable(name: str, default: str) -> str:
        return environment.get(PREFIX + name) or default

    url = variable("ALTERNATOR", "")
    if not url:
        return None
    access_key_id = variable("ACCESS_KEY_ID", "")
    return LifeNode(
        alternator_url=url,
        api_url=variable("API", "http://127.0.0.1:10000"),
        cql_host=variable("CQL_HOST", urlsplit(url).hostname or ""),
        cql_port=int(variable("CQL_PORT", "9042")),
        data_directory=Path(variable("DATA_DIRECTORY", "/var/lib/scylla/data")),
        access_key_id=access_key_id,
        secret_access_key=variable("SECRET_ACCESS_KEY", ""),
        cql_username=variable("CQL_USERNAME", access_key_id),
        cql_password=variable("CQL_PASSWORD", ""),
    )


def sandbox_node(sandbox: Sandbox) -> LifeNode:
    """What the tests know of a sandbox."""
    return LifeNode(
        alternator_url=sandbox.alternator.url,
        api_url=sandbox.api.url,
        cql_host=sandbox.cql.host,
        cql_port=sandbox.cql.port,
        data_directory=sandbox.data_directory,
        index_memory_seconds=30.0,
    )


def client(node: LifeNode) -> Any:
    """A DynamoDB client of a node, which never tries twice."""
    return boto3.client(
        "dynamodb",
        endpoint_url=node.alternator_url,
        region_name="us-east-1",
        aws_access_key_id=node.access_key_id or "anybody",
        aws_secret_access_key=node.secret_access_key or "anything",
        config=Config(read_timeout=ANSWER_SECONDS, retries={"total_max_attempts": 1}, parameter_validation=False),
    )


def settings_text(node: LifeNode, directory: Path) -> str:
    """Settings for the command, but for the secrets: repository and state are in a directory."""
    return f"""
[node]
api_url = "{node.api_url}"
data_dirs = ["{node.data_directory}"]
timeout_seconds = 60
index_memory_seconds = {node.index_memory_seconds}
[alternator]
endpoint = "{node.alternator_url}"
access_key_id = "{node.access_key_id}"
[cql]
host = "{node.cql_host}"
port = {node.cql_port}
username = "{node.cql_username}"
[repository.local]
path = "{directory / "backups"}"
allow_same_disk = true
[limits]
min_free_space = "0"
[state]
directory = "{directory / "state"}"
"""
