"""UpdateTable: streams on and off, and GSIs added and dropped where the version can."""

from typing import Any

from sandbox.alternator import billing, key_schema, streams
from sandbox.alternator.authorization import grant_to_creator, revoke_all
from sandbox.alternator.call import Call
from sandbox.alternator.description import supplement
from sandbox.alternator.errors import ApiError, ResourceNotFoundError, ValidationError
from sandbox.alternator.names import validate_index_name
from sandbox.alternator.streams import StreamRequest
from sandbox.catalog import Index, Key, Table


_UNSUPPORTED = ("ProvisionedThroughput", "ReplicaUpdates", "SSESpecification")


def update_table(call: Call) -> dict[str, Any]:
    """UpdateTable."""
    _refuse_unsupported(call)
    if "BillingMode" in call.body:
        billing.parse_billing(call.body)
    table = call.table()
    stream = streams.parse(call.body, table.name)
    if stream is not None:
        _check_stream(call, table, stream)
    added, dropped = _index_change(call, table)
    nothing = stream is None and added is None and dropped is None and "BillingMode" not in call.body
    if nothing and call.version.index_updates:
        raise ValidationError(
            "UpdateTable requires one of GlobalSecondaryIndexUpdates, StreamSpecification"
            " or BillingMode to be specified"
        )
    call.require("ALTER", table)
    if stream is not None:
        _switch_stream(call, table, stream)
    if added is not None:
        _add_index(call, table, added)
    if dropped is not None:
        _drop_index(call, table, dropped)
    call.node.catalog.schema_changed()
    return {"TableDescription": call.body | supplement(call.node.catalog, table)}


def _refuse_unsupported(call: Call) -> None:
    unsupported = () if call.version.index_updates else ("GlobalSecondaryIndexUpdates",)
    for name in (*unsupported, *_UNSUPPORTED):
        if name in call.body:
            raise ValidationError(f"{name} not supported")


def _check_stream(call: Call, table: Table, stream: StreamRequest) -> None:
    if stream.enabled and table.tablets:
        raise streams.refuse_on_tablets(call.version, existing=True)
    enabled = table.stream is not None and table.stream.enabled
    # The versions that can't update indexes take a change that changes nothing.
    if enabled == stream.enabled and call.version.index_updates:
        raise ValidationError(
            f"Table already has an enabled stream: TableName: {table.name}"
            if enabled
            else f"Table has no stream to disable: TableName: {table.name}"
        )


def _switch_stream(call: Call, table: Table, stream: StreamRequest) -> None:
    if not stream.enabled:
        if table.stream is not None:
            table.stream.enabled = False
    elif table.stream is None:
        table.stream = streams.new(stream.view_type)
        call.node.data.stream_enabled(table)
    else:
        # The log was kept when the stream was disabled, and is used again.
        table.stream.enabled = True
        table.stream.view_type = stream.view_type


def _index_change(call: Call, table: Table) -> tuple[Index | None, Index | None]:
    updates = call.body.get("GlobalSecondaryIndexUpdates", [])
    if not isinstance(updates, list):
        raise ValidationError("GlobalSecondaryIndexUpdates must be an array")
    if not updates:
        return None, None
    if len(updates) > 1:
        raise ApiError(
            "LimitExceededException",
            "GlobalSecondaryIndexUpdates only allows one index creation or deletion",
        )
    operation, argument = _operation(updates[0])
    validate_index_name(table.name, argument["IndexName"], local=False)
    match operation:
        case "Create":
            return _new_index(call, table, argument), None
        case "Delete":
            return None, _existing_index(table, argument["IndexName"])
        case "Update":
            raise ValidationError("GlobalSecondaryIndexUpdates Update not yet supported")
        case _:
            raise ValidationError(
                f"GlobalSecondaryIndexUpdates supports a Create, Delete or Update operation, saw '{operation}'"
            )


def _operation(update: Any) -> tuple[str, dict[str, Any]]:
    if not isinstance(update, dict) or len(update) != 1:
        raise ValidationError(
            "GlobalSecondaryIndexUpdates array must contain one object with a Create, Delete or Update operation"
        )
    [(operation, argument)] = update.items()
    if not isinstance(argument, dict):
        raise ValidationError("GlobalSecondaryIndexUpdates entries must be objects")
    if not isinstance(argument.get("IndexName"), str):
        raise ValidationError("GlobalSecondaryIndexUpdates operation must have IndexName")
    return operation, argument


def _new_index(call: Call, table: Table, definition: dict[str, Any]) -> Index:
    if "AttributeDefinitions" not in call.body:
        raise ValidationError("GlobalSecondaryIndexUpdates Create needs AttributeDefinitions")
    types = key_schema.attribute_types(call.body["AttributeDefinitions"])
    _refuse_redefinition(table, types)
    for index in table.indexes:
        if index.name == definition["IndexName"]:
            raise ValidationError(
                f"LSI {index.name} already exists in table {table.name}, can't use same name for GSI"
                if index.local
                else f"GSI {index.name} already exists in table {table.name}"
            )
    key_schema.refuse_racks(call.node.catalog.racks, tablets=table.tablets)
    new = key_schema.parse_global_index(definition, table.name, types)
    key_schema.refuse_unused(types, (new.hash_key, new.range_key))
    return new


def _refuse_redefinition(table: Table, types: dict[str, str]) -> None:
    keys: list[Key | None] = [table.hash_key, table.range_key]
    keys += [key for index in table.indexes for key in (index.hash_key, index.range_key)]
    for key in keys:
        if key is not None and types.get(key.name, key.type) != key.type:
            raise ValidationError(
                f"AttributeDefinitions redefined {key.name} to {types[key.name]} already a key attribute"
                f" of type {key.type} in this table"
            )


def _existing_index(table: Table, name: str) -> Index:
    for index in table.indexes:
        if index.name == name and not index.local:
            return index
    raise ResourceNotFoundError(f"No GSI {name} in table {table.name}")


def _add_index(call: Call, table: Table, index: Index) -> None:
    table.indexes.append(index)
    table.attribute_types |= {key.name: key.type for key in (index.hash_key, index.range_key) if key is not None}
    if call.role is not None:
        grant_to_creator(call.node.catalog, call.role, table, table.view_name(index))
    call.node.data.index_created(table, index)


def _drop_index(call: Call, table: Table, index: Index) -> None:
    call.node.data.index_dropped(table, index)
    table.indexes.remove(index)
    revoke_all(call.node.catalog, table, table.view_name(index))
