"""The shape of `alternator_schema.json`: what a description must hold before anything is made of it.

Its parts are answers of the node, as they came: Alternator's in their CamelCase, CQL's rows with their column names.
What a newer server or a newer release of us adds is passed over.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, ValidationError
from pydantic.alias_generators import to_pascal

from backup_core.errors import ManifestError
from backup_core.repository import layout
from backup_core.repository.schema_files import DOCUMENT_FORMAT_VERSION


Name = Annotated[str, Field(min_length=1)]
ObjectName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_.-]{3,222}$")]
"""What Alternator takes as the name of a table or an index."""


class _Answer(BaseModel):
    """A part of an answer of Alternator."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, alias_generator=to_pascal)


class _Row(BaseModel):
    """A row of CQL, or of ours."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Key(_Answer):
    """An attribute of a key."""

    attribute_name: Name
    key_type: Literal["HASH", "RANGE"]


class Attribute(_Answer):
    """An attribute that is part of some key."""

    attribute_name: Name
    attribute_type: Literal["S", "N", "B"]


class Index(_Answer):
    """A global or local secondary index."""

    index_name: ObjectName
    key_schema: tuple[Key, ...] = Field(min_length=1)


class VectorIndex(_Answer):
    """An index for similarity search (2026.2 and later)."""

    index_name: Name


class Billing(_Answer):
    """How the table is paid for."""

    billing_mode: Literal["PAY_PER_REQUEST", "PROVISIONED"]


class Throughput(_Answer):
    """What was provisioned."""

    read_capacity_units: StrictInt = Field(ge=0)
    write_capacity_units: StrictInt = Field(ge=0)


class Stream(_Answer):
    """The stream, on or off."""

    stream_enabled: StrictBool
    stream_view_type: Literal["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"] | None = None


class DescribedTable(_Answer):
    """`Table` of DescribeTable."""

    table_name: ObjectName
    key_schema: tuple[Key, ...] = Field(min_length=1, max_length=2)
    attribute_definitions: tuple[Attribute, ...]
    billing_mode_summary: Billing | None = None
    provisioned_throughput: Throughput | None = None
    global_secondary_indexes: tuple[Index, ...] | None = None
    local_secondary_indexes: tuple[Index, ...] | None = None
    vector_indexes: tuple[VectorIndex, ...] | None = None
    stream_specification: Stream | None = None


class Tag(_Answer):
    """A tag of the table."""

    key: Name
    value: str


class TimeToLive(_Answer):
    """`TimeToLiveDescription` of DescribeTimeToLive."""

    time_to_live_status: Name
    attribute_name: Name | None = None


class ColumnRow(_Row):
    """A row of `system_schema.columns`."""

    table_name: Name
    column_name: Name
    kind: Name
    type: Name


class Keyspace(_Row):
    """What the keyspace says of where data lies. Null is unknown."""

    replication: dict[str, str] | None = None
    tablets: StrictBool | None = None


class DescribedObject(_Row):
    """A row of DESCRIBE TABLE."""

    create_statement: str


class Grant(_Row):
    """A row of LIST ALL PERMISSIONS."""

    role: Name
    resource: Name
    permission: Name


class Description(_Row):
    """All of it."""

    format_version: Literal[1]
    table: DescribedTable
    tags: tuple[Tag, ...]
    time_to_live: TimeToLive
    columns: tuple[ColumnRow, ...]
    keyspace: Keyspace
    describe: tuple[DescribedObject, ...]
    grants: dict[str, tuple[Grant, ...]] | None
    unknown: tuple[str, ...] = ()


def parse_description(content: Mapping[str, Any]) -> Description:
    """The description of a table, if it is one.

    Raises:
        ManifestError: it has another shape, or is of another format version.
    """
    version = content.get("format_version")
    if isinstance(version, int) and version > DOCUMENT_FORMAT_VERSION:
        raise ManifestError(
            f"{layout.DESCRIPTION} has format version {version}; known here is {DOCUMENT_FORMAT_VERSION}",
            hint="Use the version of alternator-backup that wrote it, or a newer one.",
        )
    try:
        return Description.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(key) for key in first["loc"])
        raise ManifestError(f"{layout.DESCRIPTION} can't be used: {where}: {first['msg']}") from error
