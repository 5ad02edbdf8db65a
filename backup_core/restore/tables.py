"""Makes and deletes tables, and waits until every node knows of it.

CreateTable is answered when the table is there; but an answer can get lost, and the client sends the request again:
what is refused as existing may be what this very request has made. A table counts as ours if it is empty and exactly
what was asked for, since its name was free when the restore wrote its record.
"""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from backup_core.context import Context
from backup_core.errors import NodeRefusedError, NodeUnavailableError, NotFoundError, PermissionDeniedError
from backup_core.events import RESTORE_TABLE_CREATED, RESTORE_TABLE_DELETED
from backup_core.model import Table
from backup_core.node import alternator_writes
from backup_core.node.schema_agreement import schema_agrees


POLL_SECONDS = 0.2
LATE_TABLE_SECONDS = 60.0
"""How long a CreateTable without an answer may still turn out to have been done."""
AGREEMENT_SECONDS = 120.0
"""How long the nodes may take to agree on the schema (they give CreateTable's answer after 10 or 30 s even so)."""

DROPPED = "pre-drop-"
"""How the tags begin of the snapshots that DeleteTable leaves; the rest is Unix time in milliseconds (`auto_snapshot`,
replica/database.cc)."""

_EXISTS = "ResourceInUseException"
_MAY_NOT = "The role needs CREATE ON ALL KEYSPACES for a restore, and DROP on the table for --replace."


def create_table(context: Context, parameters: Mapping[str, Any]) -> Table:
    """Create a table and wait until all nodes know it.

    Args:
        context: where the node is.
        parameters: of CreateTable.

    Raises:
        NodeRefusedError: the node says no, or another table has the name.
        NodeUnavailableError: nobody knows what has become of it, or the nodes don't agree.
        PermissionDeniedError: the role may not.
    """
    name = parameters["TableName"]
    try:
        alternator_writes.create_table(context.alternator, parameters)
        table = identify(context, name)
    except NodeUnavailableError:
        table = _await_late(context, parameters)
    except NodeRefusedError as error:
        made = find_made(context, parameters) if error.context.get("code") == _EXISTS else None
        if made is None:
            raise
        table = made
    except PermissionDeniedError as error:
        raise PermissionDeniedError(error.message, hint=_MAY_NOT) from error
    await_agreement(context)
    context.reporter.event(RESTORE_TABLE_CREATED, table=name, table_id=table.id)
    return table


def find_made(context: Context, parameters: Mapping[str, Any]) -> Table | None:
    """The table that such a CreateTable has made before, nothing in it yet; None if there is none.

    Raises:
        BackupError: the node can't be asked.
    """
    try:
        described = context.alternator.describe_table(parameters["TableName"])
    except NotFoundError:
        return None
    if _shape(described) != _shape(parameters):
        return None
    if not alternator_writes.is_empty(context.alternator, parameters["TableName"]):
        return None
    return identify(context, parameters["TableName"])


def find_table(context: Context, name: str) -> Table | None:
    """The table of that name; None if there is none.

    Raises:
        BackupError: the node can't be asked.
    """
    try:
        return identify(context, name)
    except NotFoundError:
        return None


def identify(context: Context, name: str) -> Table:
    """The table of that name with its id.

    Raises:
        NotFoundError: there is none.
        BackupError: the node can't be asked.
    """
    return Table(name, uuid.UUID(context.alternator.describe_table(name)["TableId"]).hex)


def delete_table(context: Context, table: Table) -> None:
    """Delete a table on the whole cluster, and wait until all nodes know that it is gone; none is fine.

    Raises:
        NodeRefusedError: the node says no, or another table has the name by now.
        NodeUnavailableError: nobody knows what has become of it, or the nodes don't agree.
        PermissionDeniedError: the role may not.
    """
    now = find_table(context, table.name)
    if now is not None and now != table:
        raise NodeRefusedError(f"Table '{table.name}' has become another one meanwhile: it stays.", table=table.name)
    try:
        if now is not None:
            alternator_writes.delete_table(context.alternator, table.name)
    except NotFoundError:
        pass
    except PermissionDeniedError as error:
        raise PermissionDeniedError(error.message, hint=_MAY_NOT) from error
    await_agreement(context)
    context.reporter.event(RESTORE_TABLE_DELETED, table=table.name, table_id=table.id)


def add_indexes(context: Context, table: Table, indexes: Iterable[Mapping[str, Any]], types: Mapping[str, str]) -> None:
    """Add GSIs to a table that has its data, one after the other; those that are there already stay.

    Args:
        context: where the node is.
        table: which is on a server that can (2025.1 and later).
        indexes: as CreateTable takes them.
        types: of all key attributes.

    Raises:
        BackupError: as for `create_table`.
    """
    there = {index["IndexName"] for index in context.alternator.describe_table(table.name).get(_GLOBAL) or ()}
    for index in indexes:
        if index["IndexName"] not in there:
            keys = {key["AttributeName"]: types[key["AttributeName"]] for key in index["KeySchema"]}
            alternator_writes.add_global_index(context.alternator, table.name, index, keys)
            await_agreement(context)


def await_agreement(context: Context) -> None:
    """Wait until all nodes that are up have the same schema.

    Raises:
        NodeUnavailableError: they don't, or can't be asked.
        RunCancelledError: a signal.
    """
    deadline = context.clock.monotonic() + AGREEMENT_SECONDS
    while not schema_agrees(context.cql, context.rest):
        if context.clock.monotonic() > deadline:
            raise NodeUnavailableError(
                f"The nodes haven't agreed on the schema within {AGREEMENT_SECONDS:g} seconds.",
                hint="See whether one of them is overloaded or cut off (nodetool describecluster), then go on.",
            )
        context.cancel.sleep(POLL_SECONDS)


_GLOBAL = "GlobalSecondaryIndexes"
_LOCAL = "LocalSecondaryIndexes"


def _await_late(context: Context, parameters: Mapping[str, Any]) -> Table:
    """The table of a CreateTable that was not answered, or not well: 'operation was successful, but ...' is one."""
    deadline = context.clock.monotonic() + LATE_TABLE_SECONDS
    while (table := find_made(context, parameters)) is None:
        if context.clock.monotonic() > deadline:
            raise NodeUnavailableError(
                f"CreateTable of '{parameters['TableName']}' was not answered, and there is no such table.",
                hint="Run the same command again.",
            )
        context.cancel.sleep(POLL_SECONDS)
    return table


def _shape(description: Mapping[str, Any]) -> tuple[Any, ...]:
    """Keys and names of indexes, of a request and of a description alike."""
    attributes = {each["AttributeName"]: each["AttributeType"] for each in description["AttributeDefinitions"]}
    keys = [(key["AttributeName"], key["KeyType"]) for key in description["KeySchema"]]
    names = (sorted(index["IndexName"] for index in description.get(kind) or ()) for kind in (_GLOBAL, _LOCAL))
    return (attributes, sorted(keys), *names)
