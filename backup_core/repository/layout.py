"""Names inside a repository in archive mode.

    ~repository.json                    whose repository this is
    ~tmp-<tag>-<table id>-<random>/     what is being written
    users/                              a table
      1733313018/                       a backup: its tag is Unix time in digits
      latest -> 1733313018
      legacy-1733000000/                what the predecessor had left here

Alternator allows `a-zA-Z0-9_.-` in table names, at least three of them: each name is a safe path component as it is,
`.` and `..` are too short to be one, and what starts with `~` can only be ours (alternator/executor.cc). Names that
come from elsewhere are checked all the same before they become paths.
"""

import re
from datetime import UTC, datetime
from pathlib import Path

from backup_core.errors import StorageError


MARKER = "~repository.json"
TEMPORARY_PREFIX = "~tmp-"
OWN_PREFIX = "~"

MANIFEST = "manifest.json"
SUMMARY = "summary.json"
CHECKSUMS = "SHA256SUMS"
README = "README.txt"
HOLD = "hold.json"
RESTORED = "restored.json"
DRILL = "drill.json"
DAMAGE = "damage.json"
VERIFIED = "verified.json"
DESCRIPTION = "alternator_schema.json"
TABLE_SCHEMA = "table_schema.cql"
VIEW = "materialized_view_{}.cql"
LATEST = "latest"


TABLE_NAME_CHARACTERS = "3 to 222 of a-z, A-Z, 0-9, _, . and -"
_TABLE_NAME = re.compile(r"[a-zA-Z0-9_.-]{3,222}", re.ASCII)
_TABLE_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_TAG = re.compile(r"[1-9][0-9]{0,10}", re.ASCII)
_LEGACY_TAG = re.compile(r"legacy-([1-9][0-9]{0,10})", re.ASCII)
_SCHEMA_FILE = re.compile(r"table_schema\.cql|materialized_view_[1-9][0-9]*\.cql", re.ASCII)
_ARCHIVE_SUFFIX = re.compile(r"_backup\.tar(\.gz|\.zst)?(\.age)?", re.ASCII)


def is_table_name(name: str) -> bool:
    """Whether Alternator would take this as the name of a table."""
    return _TABLE_NAME.fullmatch(name) is not None


def is_tag(name: str) -> bool:
    """Whether this names a backup of ours: Unix time in digits."""
    return _TAG.fullmatch(name) is not None


def is_table_id(name: str) -> bool:
    """Whether this can be the id of a table."""
    return _TABLE_ID.fullmatch(name) is not None


def is_legacy_tag(name: str) -> bool:
    """Whether this names what the predecessor left."""
    return _LEGACY_TAG.fullmatch(name) is not None


def is_schema_file(name: str) -> bool:
    """Whether this is a file of CQL as the predecessor named them."""
    return _SCHEMA_FILE.fullmatch(name) is not None


def is_archive(table_name: str, name: str) -> bool:
    """Whether this is the name of the table's archive, in any format."""
    return name.startswith(table_name) and _ARCHIVE_SUFFIX.fullmatch(name, len(table_name)) is not None


def check_table_name(name: str) -> str:
    """The name, if it may become a path.

    Raises:
        StorageError: if it isn't a table's name.
    """
    if not is_table_name(name):
        raise StorageError(f"{name!r} can't be the name of a table", hint=f"A name has {TABLE_NAME_CHARACTERS}.")
    return name


def check_tag(tag: str) -> str:
    """The tag, if it may become a path.

    Raises:
        StorageError: if it isn't Unix time in digits.
    """
    if not is_tag(tag):
        raise StorageError(f"{tag!r} can't be the tag of a backup", hint="A tag is Unix time in digits.")
    return tag


def check_table_id(table_id: str) -> str:
    """The id, if it may become part of a path.

    Raises:
        StorageError: if it isn't 32 hex digits.
    """
    if not is_table_id(table_id):
        raise StorageError(f"{table_id!r} can't be the id of a table", hint="An id is 32 hex digits.")
    return table_id


def archive_name(table_name: str, suffix: str) -> str:
    """File name of a table's archive; `suffix` is the format's, "tar.gz" for example."""
    return f"{table_name}_backup.{suffix}"


def legacy_tag(moment: int) -> str:
    """Tag of what the predecessor left at a moment, in Unix time."""
    return f"legacy-{moment}"


def tag_time(tag: str) -> datetime:
    """The moment that a tag names, ours or a legacy one."""
    return datetime.fromtimestamp(int(tag.removeprefix("legacy-")), UTC)


def table_directory(root: Path, table_name: str) -> Path:
    """Directory of a table's backups."""
    return root / check_table_name(table_name)
