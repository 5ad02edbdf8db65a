"""Alternator, the node's DynamoDB API, through boto3.

boto3's own sources of settings are all shut off (profiles, environment, proxies, instance metadata): this client
talks to one node with what it was given, whatever the machine has been set up for.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
    SSLError,
)

from backup_core.cancel import CancelToken
from backup_core.errors import (
    BackupError,
    NodeRefusedError,
    NodeUnavailableError,
    NotFoundError,
    PermissionDeniedError,
    SettingsError,
    excerpt,
)
from backup_core.node.shapes import expected_shape


PAGE_LIMIT = 100
"""Most names that ListTables gives at once (alternator/executor.cc)."""

NO_SECRET = "none"  # noqa: S105  (it opens nothing)
"""With authorization off any non-empty pair will do."""

_DENIED = ("UnrecognizedClientException", "MissingAuthenticationTokenException", "AccessDeniedException")


@dataclass(frozen=True, slots=True)
class AlternatorEndpoint:
    """Where Alternator is and who asks.

    Attributes:
        url: `http://` or `https://`, host and port.
        access_key_id: the role; empty where authorization is off.
        secret_access_key: the role's salted_hash.
        ca_file: certificates to trust over https, instead of the system's.
        timeout_seconds: for one answer; connecting may take a third of it.
    """

    url: str
    region: str = "us-east-1"
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)
    ca_file: str | None = None
    timeout_seconds: float = 15.0


class AlternatorClient:
    """The reads that a backup needs, and any other request.

    Answers are what the node sent, also what boto3's model doesn't know yet.
    """

    def __init__(self, endpoint: AlternatorEndpoint, cancel: CancelToken) -> None:
        self._endpoint = endpoint
        self._cancel = cancel
        try:
            self._client = _client(endpoint)
        except (BotoCoreError, ValueError) as error:
            raise SettingsError(
                f"alternator.endpoint: {endpoint.url!r} can't be used: {error}",
                hint="It reads like http://127.0.0.1:8000.",
            ) from error

    def list_tables(self) -> tuple[str, ...]:
        """Names of all tables as ListTables pages them, in the node's own order.

        The node forgets where it was when the last name of a page has been dropped meanwhile, and ends the list
        there (alternator/executor.cc): compare with the node's own list of tables.
        """
        names: list[str] = []
        start: dict[str, str] = {}
        while True:
            page = self.call("ListTables", Limit=PAGE_LIMIT, **start)
            with expected_shape("ListTables"):
                names.extend(page["TableNames"])
            if not page.get("LastEvaluatedTableName"):
                return tuple(dict.fromkeys(names))
            start = {"ExclusiveStartTableName": page["LastEvaluatedTableName"]}

    def describe_table(self, name: str) -> Mapping[str, Any]:
        """`Table` of DescribeTable.

        Raises:
            NotFoundError: there is no such table, or its name is none that Alternator takes.
        """
        answer = self.call("DescribeTable", TableName=name)
        with expected_shape("DescribeTable"):
            table: Mapping[str, Any] = answer["Table"]
            if {"TableId", "TableArn", "KeySchema"} - table.keys():
                raise KeyError(name)
        return table

    def list_tags(self, table_arn: str) -> tuple[Mapping[str, str], ...]:
        """All tags of a table, as `Key` and `Value`."""
        answer = self.call("ListTagsOfResource", ResourceArn=table_arn)
        with expected_shape("ListTagsOfResource"):
            return tuple({"Key": tag["Key"], "Value": tag["Value"]} for tag in answer["Tags"])

    def describe_time_to_live(self, name: str) -> Mapping[str, Any]:
        """`TimeToLiveDescription` of a table."""
        answer = self.call("DescribeTimeToLive", TableName=name)
        with expected_shape("DescribeTimeToLive"):
            description: Mapping[str, Any] = answer["TimeToLiveDescription"]
            if "TimeToLiveStatus" not in description:
                raise KeyError(name)
        return description

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """The answer to a request, as the node sent it.

        Args:
            operation: as DynamoDB names it, such as `Scan`.
            parameters: of the request.

        Raises:
            NotFoundError: there is no such table.
            PermissionDeniedError: wrong key or secret, or the role may not.
            NodeRefusedError: any other no; its context has DynamoDB's `code`.
            NodeUnavailableError: the port is down or hangs, or the node failed: a write may have been done even so.
        """
        method = getattr(self._client, _method_name(operation))
        try:
            answer: dict[str, Any] = self._cancel.call(lambda: method(**parameters))
        except ClientError as error:
            raise self._refusal(error, operation, parameters) from error
        except (HTTPClientError, EndpointConnectionError, SSLError) as error:
            raise self._unavailable(error) from error
        except BotoCoreError as error:
            raise NodeRefusedError(f"Alternator's answer to {operation} is unusable: {error}") from error
        with expected_shape(operation):
            return dict(answer[_RAW])

    def _refusal(self, error: ClientError, operation: str, parameters: Mapping[str, Any]) -> BackupError:
        code = error.response.get("Error", {}).get("Code", "")
        text = excerpt(str(error.response.get("Error", {}).get("Message", "")))
        if code == "ResourceNotFoundException" or (
            operation != "CreateTable" and code == "ValidationException" and "TableName" in text
        ):
            return NotFoundError(f"Table '{parameters.get('TableName', '')}' not found.")
        if code in _DENIED:
            return PermissionDeniedError(
                f"Alternator at {self._endpoint.url} refuses {operation}: {text}",
                hint=(
                    f"Look at alternator.access_key_id ({self._endpoint.access_key_id or 'empty'}) and its secret, "
                    "which is the role's salted_hash in system.roles."
                ),
            )
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if status >= 500:  # noqa: PLR2004  (the node's own trouble, by HTTP's classes)
            return NodeUnavailableError(
                f"Alternator at {self._endpoint.url} failed {operation} ({status} {code}): {text}", hint="Try again."
            )
        return NodeRefusedError(f"Alternator refuses {operation} ({code}): {text}", code=code)

    def _unavailable(self, error: Exception) -> NodeUnavailableError:
        if isinstance(error, (ReadTimeoutError, ConnectTimeoutError)):
            what = f"doesn't answer within {self._endpoint.timeout_seconds:g} seconds"
        elif isinstance(error, ConnectionClosedError):
            what = "closes the connection without an answer"
        elif isinstance(error, SSLError):
            what = f"can't be reached: {error.kwargs['error']}"
        else:
            what = "can't be reached"
        return NodeUnavailableError(
            f"Alternator at {self._endpoint.url} {what}.",
            hint="Is ScyllaDB running, with alternator_port set in scylla.yaml, and is alternator.endpoint right?",
        )


_RAW = "RawAnswer"


def _client(endpoint: AlternatorEndpoint) -> Any:
    # An empty session variable is one without an environment variable, without a key in a profile.
    nowhere = botocore.session.Session(
        session_vars={"profile": (None, None, None, None), "config_file": (None, None, "/dev/null", None)}
    )
    client = boto3.Session(
        botocore_session=nowhere,
        aws_access_key_id=endpoint.access_key_id or NO_SECRET,
        aws_secret_access_key=endpoint.secret_access_key or NO_SECRET,
        region_name=endpoint.region,
    ).client(
        "dynamodb",
        endpoint_url=endpoint.url,
        verify=endpoint.ca_file,
        config=Config(
            connect_timeout=max(1.0, endpoint.timeout_seconds / 3),
            read_timeout=endpoint.timeout_seconds,
            retries={"mode": "standard", "total_max_attempts": 2},
            proxies={},
            ignore_configured_endpoint_urls=True,
            account_id_endpoint_mode="disabled",
        ),
    )
    client.meta.events.register("before-parse.dynamodb", _keep_raw)
    return client


def _keep_raw(response_dict: Mapping[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Keep the answer as it was sent: boto3 drops keys that its model doesn't know, and turns times into objects."""
    if response_dict["status_code"] < 300:  # noqa: PLR2004  (HTTP's own class of success)
        try:
            customized_response_dict[_RAW] = json.loads(response_dict["body"])
        except ValueError as error:
            raise HTTPClientError(error="the answer is no JSON") from error


def _method_name(operation: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in operation).removeprefix("_")
