"""What settings.toml can say, with its defaults. Every key here works; unknown ones are errors."""

import json
import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from backup_core.floor import Floor


HOST_ID_PLACEHOLDER = "{host_id}"
HOSTNAME_PLACEHOLDER = "{hostname}"
PLACEHOLDERS = (HOSTNAME_PLACEHOLDER, HOST_ID_PLACEHOLDER)

DAY_SECONDS = 86_400


def _is_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("has to look like http://127.0.0.1:10000")
    return text


def _is_floor(text: str) -> str:
    Floor.parse(text)
    return text


def _is_path(value: object) -> object:
    """Refuse what would silently become another path than the one that was meant."""
    if value == "":
        raise ValueError("must not be empty")
    if isinstance(value, str) and value.startswith("~"):
        raise ValueError("~ stands for nobody's home here: write the whole path, or ./~ for a name like that")
    if isinstance(value, str) and "\0" in value:
        raise ValueError("a path can't hold a NUL character")
    return value


def _has_known_placeholders(path: Path) -> Path:
    for placeholder in re.findall(r"\{[^{}]*\}", str(path)):
        if placeholder not in PLACEHOLDERS:
            raise ValueError(f"there is no {placeholder}, only {' and '.join(PLACEHOLDERS)}")
    return path


def _split(value: object) -> object:
    """Paths as the environment and PATH have them: one, or several with colons between."""
    if isinstance(value, str):
        return json.loads(value) if value.startswith("[") else tuple(part for part in value.split(":") if part)
    return value


CheckedPath = Annotated[Path, BeforeValidator(_is_path)]
Timeout = Annotated[float, Field(gt=0, le=DAY_SECONDS, allow_inf_nan=False)]


class Section(BaseModel):
    """A table of settings.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class NodeSettings(Section):
    """`[node]`: the ScyllaDB node that this is about, which is the one on this machine."""

    api_url: Annotated[str, AfterValidator(_is_url)] = Field(
        default="http://127.0.0.1:10000", description="its REST API"
    )
    snapshots: Literal["api"] = Field(default="api", description="how snapshots are taken: over the REST API")
    data_dirs: Annotated[tuple[CheckedPath, ...], BeforeValidator(_split)] = Field(
        default=(), description="its data directories; empty: the node is asked"
    )
    timeout_seconds: Timeout = Field(default=15.0, description="for one answer of the node")
    snapshot_timeout_seconds: Timeout = Field(default=600.0, description="for taking or clearing one snapshot")


class AlternatorSettings(Section):
    """`[alternator]`: the DynamoDB API."""

    endpoint: Annotated[str, AfterValidator(_is_url)] = Field(
        default="http://127.0.0.1:8000", description="http or https"
    )
    region: str = Field(default="us-east-1", min_length=1, description="boto3 needs one; the node ignores it")
    access_key_id: str = Field(default="", description="the role, where authorization is on")
    secret_access_key: SecretStr = Field(
        default=SecretStr(""),
        description="the role's salted_hash; from a credential or the environment, not from this file",
    )
    secret_from: Literal["credential", "lookup"] = Field(
        default="credential", description="lookup: read salted_hash over CQL, which only few roles may"
    )
    ca_file: CheckedPath | None = Field(
        default=None, description="certificates to trust over https instead of the system's"
    )


class TlsSettings(Section):
    """`[cql.tls]`."""

    enabled: bool = Field(default=False, description="speak TLS to the node")
    ca_file: CheckedPath | None = Field(default=None, description="certificates to trust instead of the system's")


class CqlSettings(Section):
    """`[cql]`."""

    host: str = Field(default="127.0.0.1", min_length=1, description="address of the node")
    port: int = Field(default=9042, ge=1, le=65535, description="its native_transport_port")
    username: str = Field(default="", description="the role, where authentication is on")
    password: SecretStr = Field(
        default=SecretStr(""), description="from a credential or the environment, not from this file"
    )
    tls: TlsSettings = TlsSettings()


class LocalRepositorySettings(Section):
    """`[repository.NAME]`: a directory that takes backups."""

    kind: Literal["local"] = Field(default="local", description="a directory")
    path: Annotated[CheckedPath, AfterValidator(_has_known_placeholders)] = Field(
        description="relative to this file; {hostname} and {host_id} stand for this node's"
    )
    mode: Literal["archive"] = Field(default="archive", description="one archive for each backup of a table")
    format: Literal["tar.gz", "tar.zst", "tar"] = Field(default="tar.gz", description="tar.zst is smaller and as fast")
    allow_same_disk: bool = Field(
        default=False, description="let it be on the disk of the data, where a dying disk takes both"
    )


class LimitsSettings(Section):
    """`[limits]`."""

    min_free_space: Annotated[str, AfterValidator(_is_floor)] = Field(
        default="20%", description="of the data disk and of a repository's disk, after what a run may need"
    )


class StateSettings(Section):
    """`[state]`."""

    directory: CheckedPath | None = Field(
        default=None,
        description="journal and locks; $STATE_DIRECTORY, /var/lib/alternator-backup for root, else below home",
    )


class LogSettings(Section):
    """`[log]`."""

    file: CheckedPath | None = Field(
        default=None, description="also append every line to this file, in the predecessor's format"
    )


REPOSITORY_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
