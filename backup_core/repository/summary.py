"""`summary.json`: what lists and retention need of a backup, in a file that is read in no time.

It says which manifest it was made from, and is worth nothing without it. Plain JSON and dataclasses: a list of a
thousand backups must not wait for the manifest's models.
"""

import json
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from backup_core.errors import ManifestError
from backup_core.repository.timestamps import parse_timestamp, timestamp


FORMAT_VERSION: Final = 1
"""Of manifest.json and summary.json alike: they are written together."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What was verified of a backup, and when; None where it wasn't.

    Attributes:
        structure: every SSTable had all the components of its TOC.txt.
        digest: every Data.db had the CRC-32 that its Digest.crc32 says.
        stored: what was read back from the repository equals the manifest.
        restored: it was restored and proven, by a drill or in earnest; a file beside the backup tells.
    """

    structure: datetime | None = None
    digest: datetime | None = None
    stored: datetime | None = None
    restored: datetime | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """What a summary holds.

    Attributes:
        size_bytes: of all files of the backup but the summary itself.
        plain_size_bytes: of the snapshot's files before compression.
        sent_bytes: what of `size_bytes` wasn't stored before: in archive mode all of it.
        file_count: how many files the snapshot had.
        mode: "archive" or "incremental".
        archive: the archive's name; empty in incremental mode.
        archive_size_bytes: of the archive as it is stored; 0 in incremental mode.
        compression: of the archive, or of most objects: "gzip", "zstd" or "none".
        manifest_size_bytes, manifest_sha256: of the manifest that this belongs to.
    """

    table: str
    keyspace: str
    table_id: str
    tag: str
    scylla_version: str | None
    nominal_at: datetime
    snapshot_at: datetime
    size_bytes: int
    plain_size_bytes: int
    sent_bytes: int
    file_count: int
    mode: str
    archive: str
    archive_size_bytes: int
    compression: str
    verified: Verified
    manifest_size_bytes: int
    manifest_sha256: str

    def to_json(self) -> bytes:
        """The content of summary.json."""
        content = {"format_version": FORMAT_VERSION} | {name: getattr(self, name) for name in _TYPES}
        content["nominal_at"] = timestamp(self.nominal_at)
        content["snapshot_at"] = timestamp(self.snapshot_at)
        content["verified"] = {name: _optional_text(getattr(self.verified, name)) for name in _VERIFIED}
        return json.dumps(content, indent=2).encode() + b"\n"


_VERIFIED = tuple(field.name for field in fields(Verified))
_TYPES: dict[str, Any] = {field.name: field.type for field in fields(Summary)}


def parse_summary(content: bytes) -> Summary:
    """The summary of such a file. What a newer version of us has added to the format is passed over.

    Raises:
        ManifestError: if it isn't one, or of another format version.
    """
    try:
        values = json.loads(content)
        version = values["format_version"]
        if version == FORMAT_VERSION:
            return Summary(**{name: _value(name, values[name]) for name in _TYPES})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ManifestError(f"summary.json can't be read: {type(error).__name__}: {error}") from error
    raise ManifestError(
        f"summary.json has format version {version}; known here is {FORMAT_VERSION}",
        hint="Use the version of alternator-backup that wrote it, or a newer one.",
    )


def _value(name: str, value: Any) -> Any:
    expected = _TYPES[name]
    if expected is datetime:
        return parse_timestamp(value)
    if expected is Verified:
        return Verified(**{key: _optional_time(value[key]) for key in _VERIFIED})
    if not isinstance(value, expected) or isinstance(value, bool) or (expected is int and value < 0):
        raise ValueError(f"{name} is {value!r}")
    return value


def _optional_text(moment: datetime | None) -> str | None:
    return None if moment is None else timestamp(moment)


def _optional_time(text: str | None) -> datetime | None:
    return None if text is None else parse_timestamp(text)
