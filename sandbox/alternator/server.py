"""Alternator's HTTP server: the DynamoDB API of the sandbox node."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sandbox.alternator.call import Call, Node, member
from sandbox.alternator.create_table import create_table
from sandbox.alternator.description import describe_table
from sandbox.alternator.errors import ApiError, ValidationError
from sandbox.alternator.names import parse_arn
from sandbox.alternator.reads import get_item, query, scan
from sandbox.alternator.signature import verify
from sandbox.alternator.tables import delete_table, list_tables
from sandbox.alternator.tags import list_tags_of_resource, tag_resource, untag_resource
from sandbox.alternator.ttl import describe_time_to_live, update_time_to_live
from sandbox.alternator.update_table import update_table
from sandbox.alternator.updates import update_item
from sandbox.alternator.writes import batch_write_item, delete_item, put_item
from sandbox.catalog import Catalog
from sandbox.expressions import MalformedExpressionError
from sandbox.faults import Fault, Faults
from sandbox.http_server import HttpServer, Request, Response
from sandbox.items import Items, ShownTableError
from sandbox.view_updates import ViewUpdates


if TYPE_CHECKING:
    from sandbox.data_directory import DataDirectory


CONTENT_TYPE = "application/x-amz-json-1.0"

# An operation answers with a JSON object, or with nothing at all.
_OPERATIONS: dict[str, Callable[[Call], dict[str, Any] | None]] = {
    "BatchWriteItem": batch_write_item,
    "CreateTable": create_table,
    "DeleteItem": delete_item,
    "DeleteTable": delete_table,
    "DescribeTable": describe_table,
    "DescribeTimeToLive": describe_time_to_live,
    "GetItem": get_item,
    "ListTables": list_tables,
    "ListTagsOfResource": list_tags_of_resource,
    "PutItem": put_item,
    "Query": query,
    "Scan": scan,
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
    "UpdateItem": update_item,
    "UpdateTable": update_table,
    "UpdateTimeToLive": update_time_to_live,
}


class AlternatorServer(HttpServer):
    """Alternator.

    For the fault switches an operation's endpoint is `alternator <Operation> <table>`, with the table that
    `TableName` or `ResourceArn` names, or without one; other requests are `alternator <method> <path>`.
    The answer of an `error` fault is (status, body): the body is the JSON object that the client gets, or
    (error code, message), from which an answer like the node's own is made.

    Args:
        catalog: the node's state.
        items: the tables' items.
        data: the tables' files.
        views: the views of their indexes.
        faults: the node's switches.
        host: address to listen on.
        port: 0 picks a free one.
    """

    def __init__(
        self,
        catalog: Catalog,
        items: Items,
        data: "DataDirectory",
        views: ViewUpdates,
        faults: Faults,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        super().__init__(faults, host=host, port=port)
        self._catalog = catalog
        self._node = Node(catalog, items, data, views)

    def endpoint(self, request: Request) -> str:
        """Name of the request for the fault switches."""
        if request.method != "POST" or request.path != "/":
            return f"alternator {request.method} {request.path}"
        try:
            table = _named_table(_parse_json(request.body))
        except ApiError:
            table = None
        return " ".join(["alternator", _operation_name(request), *([table] if table else [])])

    def answer(self, request: Request) -> Response:
        """Do what the request asks for."""
        match request.method, request.path:
            case "POST", "/":
                return self._answer_operation(request)
            case "GET", "/":
                # The port counts on the client's own idea of it, as on the real node.
                return Response(200, f"healthy: {request.headers.get('host', '')}".encode(), "text/plain")
            case "GET", "/localnodes":
                return _json_response(200, [self._catalog.address], "application/json")
            case _:
                return _json_response(404, {"message": "Not found", "code": 404}, "application/json")

    def fault_response(self, fault: Fault) -> Response:
        """The answer of an `error` fault."""
        status, body = fault.answer
        if isinstance(body, dict):
            return _json_response(status, body)
        code, message = body
        return _error_response(ApiError(code, message, status=status))

    def _answer_operation(self, request: Request) -> Response:
        try:
            result = self._perform(request)
        except ApiError as error:
            return _error_response(error)
        except MalformedExpressionError as error:
            return _error_response(ValidationError(str(error)))
        except ShownTableError as error:
            return _error_response(ApiError("InternalServerError", str(error), status=500))
        except Exception as error:  # noqa: BLE001  (the real node answers whatever goes wrong in it, too)
            message = f"Internal server error: {error!r}"
            return _error_response(ApiError("InternalServerError", message, status=500))
        return Response(200, b"", CONTENT_TYPE) if result is None else _json_response(200, result)

    def _perform(self, request: Request) -> dict[str, Any] | None:
        role = verify(request, self._catalog) if self._catalog.enforce_authorization else None
        name = _operation_name(request)
        operation = _OPERATIONS.get(name)
        if operation is None:
            raise ApiError("UnknownOperationException", f"Unsupported operation {name}")
        body = _parse_json(request.body)
        with self._catalog.lock:
            return operation(Call(self._node, body, role, request.client))


def _operation_name(request: Request) -> str:
    return request.headers.get("x-amz-target", "").partition(".")[2]


def _parse_json(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body)
    except ValueError as error:
        raise ValidationError(f"Parsing JSON failed: {error}") from None
    if not isinstance(parsed, dict):
        raise ValidationError("Request content must be an object")
    return parsed


def _named_table(body: dict[str, Any]) -> str | None:
    name = member(body, "TableName")
    arn = member(body, "ResourceArn")
    if isinstance(name, str):
        return name
    return parse_arn(arn).table if isinstance(arn, str) else None


def _json_response(status: int, body: Any, content_type: str = CONTENT_TYPE) -> Response:
    text = json.dumps(body, separators=(",", ":"))
    return Response(status, text.encode(), content_type)


def _error_response(error: ApiError) -> Response:
    return _json_response(error.status, error.body())
