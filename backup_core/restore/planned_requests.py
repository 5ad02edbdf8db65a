"""A plan as the requests that carry it out, in their order."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from backup_core.model import keyspace_of
from backup_core.repository.create_table import GLOBAL, LOCAL
from backup_core.restore.columns import add_column_statement
from backup_core.restore.model import PlannedRequest, Replacement, RestorePlan, Way


def requests(plan: RestorePlan, replacement: Replacement | None = None) -> tuple[PlannedRequest, ...]:
    """Every request that changes something, and the counts and descriptions that prove it.

    A load may take several of its request, as free space allows; what only waits (schema agreement) is left out.

    Args:
        plan: of the restore.
        replacement: how the table that has the target's name is replaced; None if there is none.
    """
    before = () if replacement is None else (*_before_deletion(replacement), _delete("replaced table", plan.target))
    return (*before, *_data(plan), *_features(plan), *_proof(plan))


def _before_deletion(replacement: Replacement) -> Iterator[PlannedRequest]:
    plan, rehearsal = replacement.plan, replacement.rehearsal
    if replacement.repositories is not None and replacement.safety_tag is None:
        yield PlannedRequest("safety backup", "POST /storage_service/snapshots", {"cf": plan.target})
        yield PlannedRequest("safety backup", "DELETE /storage_service/snapshots", {"kn": keyspace_of(plan.target)})
    if rehearsal is None:
        scratch = "empty, with the same keys, under a scratch name"
        yield PlannedRequest("may tables be created", "CreateTable", {"TableName": scratch})
        yield _delete("may tables be created", scratch)
        return
    for request in requests(rehearsal):
        yield PlannedRequest(f"rehearsal, {request.step}", request.operation, request.parameters)
    yield _delete("rehearsal", rehearsal.target)


def _delete(step: str, table_name: str) -> PlannedRequest:
    return PlannedRequest(step, "DeleteTable", {"TableName": table_name})


def _data(plan: RestorePlan) -> Iterator[PlannedRequest]:
    if plan.has_indexes_on_tablets:
        scratch = "empty, with an index, on vnodes, under a scratch name: only if the target was dropped within an hour"
        yield PlannedRequest("are dropped indexes forgotten", "CreateTable", {"TableName": scratch})
        yield _delete("are dropped indexes forgotten", scratch)
    create = PlannedRequest("create table", "CreateTable", plan.create_table)
    if plan.way is Way.COPY_ITEMS and plan.scratch is not None:
        scratch = plan.scratch["TableName"]
        yield create
        yield PlannedRequest("scratch table", "CreateTable", plan.scratch)
        yield from _columns(plan, scratch)
        yield _load(scratch)
        yield PlannedRequest("copy items", "Scan", {"TableName": scratch, "ConsistentRead": True})
        yield PlannedRequest("copy items", "BatchWriteItem", {"RequestItems": {plan.target: "all items"}})
        yield _delete("scratch table", scratch)
        return
    yield create
    yield from _columns(plan, plan.target)
    yield _load(plan.target)
    types = {each["AttributeName"]: each for each in plan.definition.attribute_definitions}
    for index in plan.late_indexes:
        parameters = {
            "TableName": plan.target,
            "AttributeDefinitions": [types[key["AttributeName"]] for key in index["KeySchema"]],
            "GlobalSecondaryIndexUpdates": [{"Create": index}],
        }
        yield PlannedRequest("indexes", "UpdateTable", parameters)


def _columns(plan: RestorePlan, table_name: str) -> Iterator[PlannedRequest]:
    for column in plan.columns:
        yield _cql("columns", add_column_statement(table_name, column))


def _load(table_name: str) -> PlannedRequest:
    path = f"/storage_service/sstables/{quote(keyspace_of(table_name), safe='')}"
    return PlannedRequest("load", f"POST {path}", {"cf": table_name, "load_and_stream": "true"})


def _features(plan: RestorePlan) -> Iterator[PlannedRequest]:
    yield _count(plan.target)
    for index in _index_names(plan):
        yield _count(plan.target, IndexName=index)
    if plan.time_to_live is not None:
        yield PlannedRequest("time to live", "UpdateTimeToLive", plan.time_to_live)
    if plan.stream is not None:
        yield PlannedRequest("stream", "UpdateTable", plan.stream)
    for statement in plan.grants:
        yield _cql("grants", statement)


def _index_names(plan: RestorePlan) -> Iterator[str]:
    for index in (*plan.create_table.get(GLOBAL, ()), *plan.late_indexes, *plan.create_table.get(LOCAL, ())):
        yield index["IndexName"]


def _proof(plan: RestorePlan) -> Iterator[PlannedRequest]:
    for operation in ("DescribeTable", "ListTagsOfResource", "DescribeTimeToLive"):
        yield PlannedRequest("proof", operation, {"TableName": plan.target})


def _count(table_name: str, **parameters: Any) -> PlannedRequest:
    return PlannedRequest("counts", "Scan", {"TableName": table_name, **parameters, "Select": "COUNT"})


def _cql(step: str, statement: str) -> PlannedRequest:
    return PlannedRequest(step, "CQL", {"statement": statement})
