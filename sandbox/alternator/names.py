"""Names of tables and indexes, and the ARNs made of them."""

import re
from typing import NamedTuple

from sandbox.alternator.errors import AccessDeniedError, ValidationError
from sandbox.catalog import Index, Table


_ALLOWED = re.compile(r"[a-zA-Z0-9_.-]+")
_PATTERN = "[a-zA-Z0-9_.-]+"
_MIN_LENGTH = 3
# A directory's name has 255 bytes at most, of which a dash and the table's id take 33.
_VIEW_NAME_MAX_LENGTH = 222
_ARN_PREFIX = "arn:scylla:alternator:"


class ArnTarget(NamedTuple):
    """The keyspace and the table that an ARN names."""

    keyspace: str
    table: str


def validate_table_name(name: str, max_length: int) -> None:
    """Refuse a name that no table can have.

    Raises:
        ValidationError: its length or a character is not allowed.
    """
    if not _MIN_LENGTH <= len(name.encode()) <= max_length:
        raise ValidationError(f"TableName must be at least 3 characters long and at most {max_length} characters long")
    if not _ALLOWED.fullmatch(name):
        raise ValidationError(f"TableName must satisfy regular expression pattern: {_PATTERN}")


def validate_index_name(table_name: str, index_name: str, *, local: bool) -> None:
    """Refuse a name that no index of that table can have.

    Raises:
        ValidationError: its length, a character, or its length together with the table's is not allowed.
    """
    if len(index_name.encode()) < _MIN_LENGTH:
        raise ValidationError("IndexName must be at least 3 characters long")
    if not _ALLOWED.fullmatch(index_name):
        raise ValidationError(f"IndexName '{index_name}' must satisfy regular expression pattern: {_PATTERN}")
    allowed = _VIEW_NAME_MAX_LENGTH - len("!:" if local else ":")
    if len(table_name) + len(index_name) > allowed:
        raise ValidationError(
            f"The total length of TableName ('{table_name}') and IndexName ('{index_name}')"
            f" cannot exceed {allowed} characters"
        )


def table_arn(table: Table) -> str:
    """The table's ARN."""
    return f"{_ARN_PREFIX}{table.keyspace}:scylla:table/{table.name}"


def index_arn(table: Table, index: Index) -> str:
    """The index's ARN."""
    return f"{table_arn(table)}/index/{index.name}"


def parse_arn(arn: str) -> ArnTarget:
    """What an ARN names; like the real node, only the places of `:` and `/` count.

    Raises:
        AccessDeniedError: too short to be one.
        ValidationError: the ARN of an index.
    """
    if len(arn) < len(_ARN_PREFIX):
        raise AccessDeniedError("Incorrect resource identifier")
    keyspace = arn[len(_ARN_PREFIX) :].partition(":")[0]
    before, slash, after = arn.partition("/")
    table = after if slash else before
    if "/" in table:
        raise ValidationError(f"ResourceArn '{table}' is not a valid table ARN")
    return ArnTarget(keyspace, table)
