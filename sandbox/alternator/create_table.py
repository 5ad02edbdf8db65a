"""CreateTable."""

import re
import uuid
from datetime import UTC, datetime
from typing import Any

from sandbox.alternator import billing, key_schema, streams, tags
from sandbox.alternator.authorization import grant_to_creator, require_create
from sandbox.alternator.billing import Throughput
from sandbox.alternator.call import Call, member
from sandbox.alternator.description import supplement
from sandbox.alternator.errors import ApiError, ValidationError
from sandbox.alternator.names import validate_table_name
from sandbox.catalog import Table, now
from sandbox.version import ServerVersion


_INTERNAL_PREFIX = ".scylla.alternator."


def create_table(call: Call) -> dict[str, Any]:
    """CreateTable: the table is there when this returns."""
    table = _parse(call)
    catalog = call.node.catalog
    if call.role is not None:
        require_create(catalog, call.role)
    if table.stream is not None and table.tablets:
        raise streams.refuse_on_tablets(call.version, existing=False)
    if table.indexes:
        key_schema.refuse_racks(catalog.racks, tablets=table.tablets)
    if table.name in catalog.tables:
        raise ApiError("ResourceInUseException", f"Table {table.name} already exists")
    catalog.add(table)
    call.node.items.create(table)
    call.node.data.table_created(table)
    if call.role is not None:
        for name in (table.name, *map(table.view_name, table.indexes)):
            grant_to_creator(catalog, call.role, table, name)
    catalog.schema_changed()
    return {"TableDescription": call.body | supplement(catalog, table)}


def _parse(call: Call) -> Table:
    body, version = call.body, call.version
    name = _new_name(call)
    types = _attribute_types(body)
    keys = key_schema.parse_keys(body, types)
    throughput = billing.parse_billing(body)
    indexes = key_schema.parse_indexes(body, name, keys, types, version)
    used = [key for index in indexes for key in (index.hash_key, index.range_key)]
    key_schema.refuse_unused(types, [*keys, *used])
    _refuse_encryption(body)
    stream = streams.parse(body, name)
    # Milliseconds are what the server keeps.
    created_at = datetime.fromtimestamp(round(now().timestamp(), 3), UTC)
    table = Table(
        name=name,
        id=uuid.uuid1(),
        hash_key=keys[0],
        range_key=keys[1],
        attribute_types=types,
        indexes=indexes,
        tags=_tags(body, version, throughput, created_at),
        created_at=created_at,
        tablets=False,
        stream=streams.new(stream.view_type) if stream is not None and stream.enabled else None,
    )
    table.tablets = _on_tablets(table.tags, version)
    if throughput is not None:
        table.billing_mode = "PROVISIONED"
        table.read_capacity_units, table.write_capacity_units = throughput
    return table


def _new_name(call: Call) -> str:
    name = call.table_name()
    validate_table_name(name, call.version.table_name_max_length)
    if name.startswith(_INTERNAL_PREFIX):
        raise ValidationError(f"Prefix {_INTERNAL_PREFIX} is reserved for accessing internal tables")
    return name


def _attribute_types(body: dict[str, Any]) -> dict[str, str]:
    if "AttributeDefinitions" not in body:
        raise ValidationError("Missing AttributeDefinitions in CreateTable request")
    return key_schema.attribute_types(body["AttributeDefinitions"])


def _refuse_encryption(body: dict[str, Any]) -> None:
    specification = body.get("SSESpecification")
    if not isinstance(specification, dict):
        return
    enabled = member(specification, "Enabled")
    if not isinstance(enabled, bool):
        raise ValidationError("SSESpecification needs boolean Enabled")
    if enabled:
        raise ValidationError("SSESpecification: configuring encryption-at-rest is not yet supported.")


def _tags(
    body: dict[str, Any], version: ServerVersion, throughput: Throughput | None, created_at: datetime
) -> dict[str, str]:
    given = body.get("Tags")
    result = tags.with_added({}, given if isinstance(given, list) else [], version)
    if version.true_descriptions:
        if throughput is not None:
            result[tags.READ_CAPACITY] = str(throughput.read_capacity_units)
            result[tags.WRITE_CAPACITY] = str(throughput.write_capacity_units)
        result[tags.CREATION_TIME] = str(round(created_at.timestamp() * 1000))
    return result


def _on_tablets(given: dict[str, str], version: ServerVersion) -> bool:
    choice = given.get(version.tablets_tag)
    # A text that only starts with a number will do, as for C's strtol.
    return version.tablets if choice is None else re.match(r"\s*[+-]?\d", choice) is not None
