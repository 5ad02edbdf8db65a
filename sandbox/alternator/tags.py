"""Tags: what they may be, which ones are the server's own, and the operations on them."""

import re
from typing import Any, Literal

from sandbox.alternator.call import Call
from sandbox.alternator.errors import AccessDeniedError, ResourceNotFoundError, ValidationError
from sandbox.alternator.names import parse_arn
from sandbox.catalog import Table
from sandbox.version import ServerVersion


WRITE_ISOLATION = "system:write_isolation"
TTL_ATTRIBUTE = "system:ttl_attribute"
CREATION_TIME = "system:table_creation_time"
READ_CAPACITY = "system:provisioned_rcu"
WRITE_CAPACITY = "system:provisioned_wcu"
SYNCHRONOUS_UPDATES = "system:synchronous_view_updates"
SPURIOUS_RANGE_KEY = "system:spurious_range_key_added_to_gsi_and_user_didnt_specify_range_key"

_ALLOWED = re.compile(r"[a-zA-Z0-9\s+\-=._:/]*", re.ASCII)
_MAX_COUNT = 50
_KEY_MAX_BYTES = 128
_VALUE_MAX_BYTES = 256
_ISOLATIONS = (
    *("f", "forbid", "forbid_rmw"),
    *("a", "always", "always_use_lwt"),
    *("o", "only_rmw_uses_lwt"),
    *("u", "unsafe", "unsafe_rmw"),
)
# What the recorded nodes were set to: only some of their tables' writes used LWT.
_DEFAULT_ISOLATION = "only_rmw_uses_lwt"


def with_added(tags: dict[str, str], added: list[Any], version: ServerVersion) -> dict[str, str]:
    """The tags with more of them, as the request lists them (`Key`, `Value`).

    Raises:
        ValidationError: a tag, or all of them together, is not allowed.
    """
    result = dict(tags)
    for tag in added:
        if not isinstance(tag, dict):
            raise ValidationError("invalid tag object")
        key, value = tag.get("Key"), tag.get("Value")
        if not isinstance(key, str) or not isinstance(value, str):
            raise ValidationError("string Key and Value required")
        if not key:
            raise ValidationError("A tag Key cannot be empty")
        _validate_text("Key", key, _KEY_MAX_BYTES)
        _refuse_internal(key, version)
        _validate_text("Value", value, _VALUE_MAX_BYTES)
        result[key] = value
    _validate_all(result)
    return result


def isolation(table: Table) -> Literal["f", "a", "o", "u"]:
    """How the table isolates writes: forbid, always, only conditional writes use LWT, unsafe."""
    letter = (table.tags.get(WRITE_ISOLATION) or _DEFAULT_ISOLATION)[0]
    return next(each for each in ("f", "a", "o", "u") if each == letter)


def tag_resource(call: Call) -> None:
    """TagResource; its answer is empty."""
    table, tags = _target(call)
    added = call.body.get("Tags")
    if not isinstance(added, list):
        raise ValidationError("Cannot parse tags")
    if not added:
        raise ValidationError("The number of tags must be at least 1")
    call.require("ALTER", table)
    _replace(call, tags, with_added(tags, added, call.version))


def untag_resource(call: Call) -> None:
    """UntagResource; its answer is empty."""
    arn = call.arn()
    removed = call.body.get("TagKeys")
    if not isinstance(removed, list):
        raise ValidationError("Cannot parse tag keys")
    table, tags = _resolve(call, arn)
    call.require("ALTER", table)
    for key in removed:
        _refuse_internal(key, call.version)
    left = {key: value for key, value in tags.items() if key not in removed}
    _validate_all(left)
    _replace(call, tags, left)


def list_tags_of_resource(call: Call) -> dict[str, Any]:
    """ListTagsOfResource: all tags at once, in the order of their keys."""
    _, tags = _target(call)
    return {
        "Tags": [
            {"Key": key, "Value": value} for key, value in sorted(tags.items()) if not _is_internal(key, call.version)
        ]
    }


def _is_internal(key: str, version: ServerVersion) -> bool:
    return (
        version.internal_tags_hidden and key.startswith("system:") and key not in (WRITE_ISOLATION, version.tablets_tag)
    )


def _refuse_internal(key: str, version: ServerVersion) -> None:
    if _is_internal(key, version):
        raise ValidationError(f"Tag key '{key}' is reserved for internal use")


def _validate_text(what: str, text: str, max_bytes: int) -> None:
    if len(text.encode()) > max_bytes:
        raise ValidationError(f"A tag {what} is limited to {max_bytes} characters")
    if not _ALLOWED.fullmatch(text):
        raise ValidationError(f"A tag {what} can only contain letters, spaces, and [+-=._:/]")


def _validate_all(tags: dict[str, str]) -> None:
    if len(tags) > _MAX_COUNT:
        raise ValidationError("Number of Tags exceed the current limit for the provided ResourceArn")
    value = tags.get(WRITE_ISOLATION)
    if value is not None and value not in _ISOLATIONS:
        allowed = ", ".join(f'"{each}"' for each in _ISOLATIONS)
        raise ValidationError(f"Incorrect write isolation tag {value}. Allowed values: {{{allowed}}}")


def _target(call: Call) -> tuple[Table, dict[str, str]]:
    return _resolve(call, call.arn())


def _resolve(call: Call, arn: str) -> tuple[Table, dict[str, str]]:
    catalog = call.node.catalog
    target = parse_arn(arn)
    table = next((each for each in catalog.tables.values() if each.keyspace == target.keyspace), None)
    if table is not None and table.name == target.table:
        return table, table.tags
    if table is not None:
        for index in table.indexes:
            if table.view_name(index) == target.table:
                return table, index.tags
    if call.version.internal_tags_hidden:
        raise ResourceNotFoundError(f"ResourceArn '{arn}' not found")
    raise AccessDeniedError("Incorrect resource identifier")


def _replace(call: Call, tags: dict[str, str], new: dict[str, str]) -> None:
    tags.clear()
    tags.update(new)
    call.node.catalog.schema_changed()
