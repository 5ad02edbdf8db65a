"""Switches on what the table had on: time to live, and the stream. After the data, so that neither sees it come."""

from collections.abc import Mapping
from typing import Any

from backup_core.context import Context
from backup_core.node import alternator_writes


def enable_time_to_live(context: Context, parameters: Mapping[str, Any]) -> None:
    """Switch time to live on; if it is on already for the same attribute, that is it.

    Args:
        context: where the node is.
        parameters: of UpdateTimeToLive.

    Raises:
        NodeRefusedError: it is on for another attribute, or the server can't here.
        BackupError: the node can't be asked, or the role may not.
    """
    described = context.alternator.describe_time_to_live(parameters["TableName"])
    if enabled_attribute(described) != parameters["TimeToLiveSpecification"]["AttributeName"]:
        alternator_writes.update_time_to_live(context.alternator, parameters)


def enable_stream(context: Context, parameters: Mapping[str, Any]) -> None:
    """Switch the stream on; if it is on already with the same view type, that is it.

    Args:
        context: where the node is.
        parameters: of UpdateTable.

    Raises:
        NodeRefusedError: it is on with another view type, or the server can't here.
        BackupError: the node can't be asked, or the role may not.
    """
    described = context.alternator.describe_table(parameters["TableName"])
    if enabled_view_type(described) != parameters["StreamSpecification"]["StreamViewType"]:
        alternator_writes.update_table(context.alternator, parameters)


def enabled_attribute(description: Mapping[str, Any]) -> str | None:
    """The attribute that a TimeToLiveDescription has it on for; None where it is off."""
    return description.get("AttributeName") if description.get("TimeToLiveStatus") == "ENABLED" else None


def enabled_view_type(description: Mapping[str, Any]) -> str | None:
    """The view type of the stream that a table's description has on; None where it is off."""
    stream = description.get("StreamSpecification") or {}
    return stream.get("StreamViewType") if stream.get("StreamEnabled") else None
