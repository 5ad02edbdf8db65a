"""Streams of tables: asked for in CreateTable and UpdateTable, told in their answers and in DescribeTable."""

import uuid
from dataclasses import dataclass
from typing import Any

from sandbox.alternator.errors import ValidationError
from sandbox.catalog import Stream, Table, now
from sandbox.version import ServerVersion


LOG_SUFFIX = "_scylla_cdc_log"

_VIEW_TYPES = ("KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES")
_LOG_NAME_MAX_LENGTH = 222


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """What a request's `StreamSpecification` asks for."""

    enabled: bool
    view_type: str


def parse(body: dict[str, Any], table_name: str) -> StreamRequest | None:
    """What a request asks for, None if it says nothing about streams.

    Raises:
        ValidationError: its `StreamSpecification` is malformed, or the log's name would be too long.
    """
    specification = body.get("StreamSpecification")
    if not isinstance(specification, dict):
        return None
    enabled = specification.get("StreamEnabled")
    if not isinstance(enabled, bool):
        raise ValidationError("StreamSpecification needs boolean StreamEnabled")
    view_type = specification.get("StreamViewType", "KEYS_ONLY")
    if enabled and view_type not in _VIEW_TYPES:
        raise ValidationError(f"Malformed value StreamViewType : {view_type}")
    longest = _LOG_NAME_MAX_LENGTH - len(LOG_SUFFIX)
    if enabled and len(table_name) > longest:
        raise ValidationError(
            f"Streams cannot be enabled to a table whose name is longer than {longest} characters: {table_name}"
        )
    return StreamRequest(enabled, view_type)


def refuse_on_tablets(version: ServerVersion, *, existing: bool) -> ValidationError:
    """The error for a stream on a table with tablets, which is about to be made or is `existing`."""
    way_out = (
        f"enable streams, re-create this table with vnodes (with the tag '{version.tablets_tag}' set to 'none')."
        if existing
        else f"use streams, create a table with vnodes by setting the tag '{version.tablets_tag}' set to 'none'."
    )
    return ValidationError(
        f"Streams not yet supported on a table using tablets (issue {version.streams_on_tablets_issue})."
        f" If you want to {way_out}"
    )


def new(view_type: str) -> Stream:
    """A stream with a log table of its own."""
    return Stream(view_type, uuid.uuid1(), now())


def description(table: Table) -> dict[str, Any]:
    """What the descriptions of a table say of its stream: nothing unless it is on."""
    stream = table.stream
    if stream is None or not stream.enabled:
        return {}
    return {
        "LatestStreamArn": f"S{stream.log_id}",
        # Really with quotes inside.
        "LatestStreamLabel": f'"{stream.created_at:%Y-%m-%dT%H:%M:%SZ}"',
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": stream.view_type},
    }
