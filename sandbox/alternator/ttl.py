"""Time to live: UpdateTimeToLive and DescribeTimeToLive. The attribute's name is kept as a tag."""

from typing import Any

from sandbox.alternator.call import Call
from sandbox.alternator.errors import ValidationError
from sandbox.alternator.tags import TTL_ATTRIBUTE


_ATTRIBUTE_MAX_BYTES = 255


def update_time_to_live(call: Call) -> dict[str, Any]:
    """UpdateTimeToLive."""
    table = call.table()
    specification = call.body.get("TimeToLiveSpecification")
    enabled, attribute = _parse(specification, on_tablets=table.tablets and not call.version.ttl_on_tablets)
    call.require("ALTER", table)
    _switch(table.tags, attribute, enabled=enabled)
    call.node.catalog.schema_changed()
    return {"TimeToLiveSpecification": specification}


def describe_time_to_live(call: Call) -> dict[str, Any]:
    """DescribeTimeToLive."""
    attribute = call.table().tags.get(TTL_ATTRIBUTE)
    if attribute is None:
        return {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}
    return {"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED", "AttributeName": attribute}}


def _parse(specification: Any, *, on_tablets: bool) -> tuple[bool, str]:
    if not isinstance(specification, dict):
        raise ValidationError("UpdateTimeToLive missing mandatory TimeToLiveSpecification")
    enabled, attribute = specification.get("Enabled"), specification.get("AttributeName")
    if not isinstance(enabled, bool):
        raise ValidationError("UpdateTimeToLive requires boolean Enabled")
    if enabled and on_tablets:
        raise ValidationError(
            "TTL not yet supported on a table using tablets (issue #16567)."
            " Create a table with the tag 'experimental:initial_tablets' set to 'none' to use vnodes."
        )
    if not isinstance(attribute, str):
        raise ValidationError("UpdateTimeToLive requires string AttributeName")
    if not 1 <= len(attribute.encode()) <= _ATTRIBUTE_MAX_BYTES:
        raise ValidationError("The length of AttributeName must be between 1 and 255")
    return enabled, attribute


def _switch(tags: dict[str, str], attribute: str, *, enabled: bool) -> None:
    current = tags.get(TTL_ATTRIBUTE)
    if enabled:
        if current is not None:
            raise ValidationError("TTL is already enabled")
        tags[TTL_ATTRIBUTE] = attribute
    elif current is None:
        raise ValidationError("TTL is already disabled")
    elif current != attribute:
        raise ValidationError(
            f"Requested to disable TTL on attribute {attribute}, but a different attribute {current} is enabled."
        )
    else:
        del tags[TTL_ATTRIBUTE]
