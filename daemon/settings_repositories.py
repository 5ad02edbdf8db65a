"""What `[repository.NAME]` in settings.toml can say: a directory or a bucket, and what is kept there."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, SecretStr, Tag, model_validator

from backup_core.sizes import parse_size
from daemon.settings import CheckedPath, Duration, Rate, Section, Size, Url, from_text


HOST_ID_PLACEHOLDER = "{host_id}"
HOSTNAME_PLACEHOLDER = "{hostname}"
PLACEHOLDERS = (HOSTNAME_PLACEHOLDER, HOST_ID_PLACEHOLDER)

Mode = Literal["archive", "incremental"]
"""How backups are stored in a directory."""

LEAST_PART_BYTES, MOST_PART_BYTES = 5 << 20, 5 << 30
"""Of an upload in parts (S3)."""

_RECIPIENT = re.compile(r"age1[02-9ac-hj-np-z]{58}", re.ASCII)
_FOR_ARCHIVES = ("format",)
_FOR_OBJECTS = ("compression", "encrypt_to", "grace")


def _has_known_placeholders(path: Path) -> Path:
    for placeholder in re.findall(r"\{[^{}]*\}", str(path)):
        if placeholder not in PLACEHOLDERS:
            raise ValueError(f"there is no {placeholder}, only {' and '.join(PLACEHOLDERS)}")
    return path


def _is_part_size(text: str) -> str:
    if not LEAST_PART_BYTES <= parse_size(text) <= MOST_PART_BYTES:
        raise ValueError("has to be from 5MiB to 5GiB, as S3 takes it")
    return text


def _is_recipient(text: str) -> str:
    """Never told with the text: it may be a private key by mistake."""
    if not _RECIPIENT.fullmatch(text):
        raise ValueError("has to be a public key of age, age1..., as `age-keygen` prints it")
    return text


def _is_prefix(value: object) -> object:
    if not isinstance(value, str):
        return value
    prefix = value.strip("/")
    if any(part in {"", ".", ".."} for part in prefix.split("/")) and prefix:
        raise ValueError("has to be names with / between them")
    return prefix


class RetentionSettings(Section):
    """`[repository.NAME.retention]`: what stays; a backup does if any rule wants it, and without rules all do."""

    keep_within: Duration | None = Field(default=None, description="backups not older than this: 36h, 7d, 8w")
    keep_last: int | None = Field(default=None, ge=1, description="that many newest ones")
    keep_hourly: int | None = Field(default=None, ge=1, description="the newest of each of that many hours")
    keep_daily: int | None = Field(default=None, ge=1, description="the newest of each of that many days, in UTC")
    keep_weekly: int | None = Field(default=None, ge=1, description="the newest of each of that many weeks")
    keep_monthly: int | None = Field(default=None, ge=1, description="the newest of each of that many months")
    keep_yearly: int | None = Field(default=None, ge=1, description="the newest of each of that many years")
    keep_minimum: int = Field(
        default=1, ge=1, description="that many newest ones stay whatever their age, of a dropped table too"
    )


class TableRetentionSettings(RetentionSettings):
    """One of `repository.NAME.retention_for`: the rules for some tables, instead of the repository's."""

    tables: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], from_text(",")] = Field(
        min_length=1, description="names, or patterns with *, ? and [...]; case counts"
    )


class _KeptSettings(Section):
    """What is kept, and how, wherever that is."""

    compression: Literal["zstd", "none"] = Field(
        default="zstd", description="of objects (incremental mode); what hardly shrinks is stored as it is"
    )
    encrypt_to: Annotated[tuple[Annotated[str, AfterValidator(_is_recipient)], ...], from_text(",")] = Field(
        default=(),
        description="public keys of age that objects are encrypted to (incremental mode); empty: they aren't",
    )
    grace: Duration = Field(
        default="48h", description="objects that no backup needs stay this long (incremental mode), for runs under way"
    )
    retention: RetentionSettings = RetentionSettings()
    retention_for: tuple[TableRetentionSettings, ...] = Field(
        default=(), description="rules for some tables, instead of `retention`; the first that names a table counts"
    )


class _DirectorySettings(Section):
    """A directory."""

    kind: Literal["local"] = Field(default="local", description="a directory")
    path: Annotated[CheckedPath, AfterValidator(_has_known_placeholders)] = Field(
        description="relative to settings.toml; {hostname} and {host_id} stand for this node's"
    )
    mode: Mode = Field(
        default="archive", description="one archive for each backup of a table; or each SSTable once for all backups"
    )
    format: Literal["tar.gz", "tar.zst", "tar"] = Field(
        default="tar.gz", description="of archives; tar.zst is smaller and as fast"
    )
    allow_same_disk: bool = Field(
        default=False, description="let it be on the disk of the data, where a dying disk takes both"
    )


class LocalRepositorySettings(_KeptSettings, _DirectorySettings):
    """`[repository.NAME]`: a directory that takes backups."""

    @model_validator(mode="after")
    def _has_what_its_mode_knows(self) -> Self:
        """What would have no effect, encryption first of all, must not look as if it had."""
        other, foreign = ("incremental", _FOR_OBJECTS) if self.mode == "archive" else ("archive", _FOR_ARCHIVES)
        for key in foreign:
            if key in self.model_fields_set:
                raise ValueError(f'{key} is for mode = "{other}"')
        return self


class _BucketSettings(Section):
    """A bucket, and how it is reached."""

    kind: Literal["s3"] = Field(description="a bucket")
    bucket: str = Field(min_length=1, description="its name; it has to be there")
    prefix: Annotated[str, BeforeValidator(_is_prefix)] = Field(
        default="", description="what the keys in it start with; below it each node has a folder by its host id"
    )
    region: str | None = Field(default=None, min_length=1, description="of the bucket; else what boto3 finds")
    endpoint_url: Url | None = Field(default=None, description="of a store that isn't AWS")
    addressing_style: Literal["auto", "virtual", "path"] = Field(
        default="auto", description="the bucket is part of the host's name, or of the path; many other stores need path"
    )
    checksum: Literal["sha256", "crc32", "md5", "none"] = Field(
        default="sha256", description="what the store checks content against; older ones know md5 only"
    )
    ca_file: CheckedPath | None = Field(
        default=None, description="certificates to trust over https instead of the system's"
    )
    access_key_id: str = Field(
        default="", description="of the store; empty: found as boto3 does it, in its files, environment and roles"
    )
    secret_access_key: SecretStr = Field(
        default=SecretStr(""), description="to it; from a credential or the environment, not from the file"
    )
    profile: str | None = Field(default=None, min_length=1, description="of boto3's own files")
    mode: Literal["incremental"] = Field(default="incremental", description="each SSTable once for all backups")
    part_size: Annotated[Size, AfterValidator(_is_part_size)] = Field(
        default="16MiB", description="of large objects, which go up in parts; 5MiB or more"
    )
    parallel_uploads: int = Field(default=4, ge=1, le=64, description="how many parts or objects go up at a time")
    upload_rate: Rate = Field(
        default="0", description="bytes a second to and from the bucket in runs and drills; at least 1MiB, 0: unlimited"
    )


class S3RepositorySettings(_KeptSettings, _BucketSettings):
    """`[repository.NAME]`: a bucket that takes backups, of AWS or of what speaks like it."""

    @model_validator(mode="after")
    def _has_a_whole_key(self) -> Self:
        if bool(self.access_key_id) != bool(self.secret_access_key.get_secret_value()):
            raise ValueError("give both access_key_id and secret_access_key, or neither")
        return self


def _kind_of(value: Any) -> str | None:
    """Which of the kinds is meant; in brackets, as everything that is no key in the place of a problem."""
    kind = value.get("kind", "local") if isinstance(value, Mapping) else getattr(value, "kind", "local")
    return f"[{kind}]" if kind in {"local", "s3"} else None


RepositorySettings = Annotated[
    Annotated[LocalRepositorySettings, Tag("[local]")] | Annotated[S3RepositorySettings, Tag("[s3]")],
    Discriminator(_kind_of, custom_error_type="kind", custom_error_message="Input has no such kind"),
]
"""A table `[repository.NAME]`, going by its `kind`, which is `local` if it isn't said."""
