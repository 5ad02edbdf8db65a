"""What settings.toml can say, with its defaults. Every key here works; unknown ones are errors."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from backup_core.floor import Floor


def _is_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
        raise ValueError("it has to read like http://127.0.0.1:8000")
    return text


def _is_floor(text: str) -> str:
    Floor.parse(text)
    return text


def _is_not_empty(value: object) -> object:
    if value == "":
        raise ValueError("must not be empty")
    return value


class Section(BaseModel):
    """A table of settings.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class NodeSettings(Section):
    """`[node]`: the ScyllaDB node that this is about, which is the one on this machine."""

    api_url: Annotated[str, AfterValidator(_is_url)] = Field(
        default="http://127.0.0.1:10000", description="its REST API"
    )
    snapshots: Literal["api"] = Field(default="api", description="how snapshots are taken: over the REST API")
    data_dirs: tuple[Path, ...] = Field(default=(), description="its data directories; empty: the node is asked")
    timeout_seconds: float = Field(default=15.0, gt=0, description="for one answer of the node")
    snapshot_timeout_seconds: float = Field(default=600.0, gt=0, description="for taking or clearing one snapshot")


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
    ca_file: Path | None = Field(default=None, description="certificates to trust over https instead of the system's")


class TlsSettings(Section):
    """`[cql.tls]`."""

    enabled: bool = Field(default=False, description="speak TLS to the node")
    ca_file: Path | None = Field(default=None, description="certificates to trust instead of the system's")


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
    path: Annotated[Path, BeforeValidator(_is_not_empty)] = Field(
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

    directory: Path | None = Field(
        default=None,
        description="journal and locks; $STATE_DIRECTORY, /var/lib/alternator-backup for root, else below home",
    )


class LogSettings(Section):
    """`[log]`."""

    file: Path | None = Field(
        default=None, description="also append every line to this file, in the predecessor's format"
    )


REPOSITORY_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
