"""What settings.toml can say, with its defaults. Every key here works; unknown ones are errors."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from backup_core.durations import parse_duration
from backup_core.floor import Floor
from backup_core.sizes import parse_size


LEAST_READ_RATE_BYTES = 1 << 20

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


def readable_by(read: Callable[[str], object]) -> AfterValidator:
    """Lets a text be only what can be read, and keeps it as it was written.

    Args:
        read: reads it, and raises ValueError where that can't be done.
    """

    def check(text: str) -> str:
        read(text)
        return text

    return AfterValidator(check)


def _check_rate(text: str) -> None:
    if 0 < parse_size(text) < LEAST_READ_RATE_BYTES:
        raise ValueError(f"{text!r} is less than 1MiB a second, too little for any table to be done in time")


Duration = Annotated[str, readable_by(parse_duration)]
"""A time in the form of `backup_core.durations`: 15m, 36h, 7d, 2w."""

Url = Annotated[str, AfterValidator(_is_url)]
"""Over http or https."""

Size = Annotated[str, readable_by(parse_size)]
"""In the form of `backup_core.sizes`: 10GiB, 500MB."""

Rate = Annotated[str, readable_by(_check_rate)]
"""A size a second; 0 for no limit."""


def _is_command(value: object) -> object:
    """Before pydantic looks at it, whose errors would name both of the types that it can have."""
    words = value if isinstance(value, (list, tuple)) else (value,)
    if not words or not all(isinstance(word, str) and word for word in words):
        raise ValueError("has to be a program, or a list of that and its arguments, none of them empty")
    return value


Command = Annotated[str | tuple[str, ...], BeforeValidator(_is_command)]
"""A program by its name or path, or a list of that and its arguments; no shell is involved."""


def _is_path(value: object) -> object:
    """Refuse what would silently become another path than the one that was meant."""
    if value == "":
        raise ValueError("must not be empty")
    if isinstance(value, str) and value.startswith("~"):
        raise ValueError("~ stands for nobody's home here: write the whole path, or ./~ for a name like that")
    if isinstance(value, str) and "\0" in value:
        raise ValueError("a path can't hold a NUL character")
    return value


def from_text(separator: str | None) -> BeforeValidator:
    """Lets a list also be text, as the environment has it: JSON, or its items with something between.

    Args:
        separator: what stands between the items; None for white space.
    """

    def read(value: object) -> object:
        if not isinstance(value, str):
            return value
        if value.startswith("["):
            return json.loads(value)
        return tuple(item.strip() for item in value.split(separator) if item.strip())

    return BeforeValidator(read)


CheckedPath = Annotated[Path, BeforeValidator(_is_path)]
Timeout = Annotated[float, Field(gt=0, le=DAY_SECONDS, allow_inf_nan=False)]
Pause = Annotated[float, Field(ge=0, le=DAY_SECONDS, allow_inf_nan=False)]


class Section(BaseModel):
    """A table of settings.toml."""

    # No table is validated by itself: to build what would do that takes a tenth of the time that `list` has.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)


class NodeSettings(Section):
    """`[node]`: the ScyllaDB node that this is about, which is the one on this machine."""

    api_url: Url = Field(default="http://127.0.0.1:10000", description="its REST API")
    snapshots: Literal["api", "nodetool"] = Field(
        default="api", description="how snapshots are taken: over the REST API, or with nodetool"
    )
    nodetool: Command = Field(
        default="nodetool", description="the command for that, a list with its arguments where it needs any"
    )
    data_dirs: Annotated[tuple[CheckedPath, ...], from_text(":")] = Field(
        default=(), description="its data directories; empty: the node is asked"
    )
    restore_staging: CheckedPath | None = Field(
        default=None,
        description="where restores keep checked files, on the data's disk; else beside the first data directory",
    )
    timeout_seconds: Timeout = Field(default=15.0, description="for one answer of the node")
    snapshot_timeout_seconds: Timeout = Field(default=600.0, description="for taking or clearing one snapshot")
    index_memory_seconds: Pause = Field(
        default=300.0,
        description="how long a restore waits at most until a server on tablets has forgotten dropped indexes",
    )


class AlternatorSettings(Section):
    """`[alternator]`: the DynamoDB API."""

    endpoint: Url = Field(default="http://127.0.0.1:8000", description="http or https")
    region: str = Field(default="us-east-1", min_length=1, description="boto3 needs one; the node ignores it")
    access_key_id: str = Field(default="", description="the role, where authorization is on")
    secret_access_key: SecretStr = Field(
        default=SecretStr(""),
        description="the role's salted_hash; from a credential or the environment, not from the file",
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
        default=SecretStr(""), description="from a credential or the environment, not from the file"
    )
    tls: TlsSettings = TlsSettings()


class LimitsSettings(Section):
    """`[limits]`."""

    min_free_space: Annotated[str, readable_by(Floor.parse)] = Field(
        default="20%", description="of the data disk and of a repository's disk, after what a run may need"
    )
    read_rate: Rate = Field(
        default="100MiB",
        description="bytes a second from the data disk, or read by a scheduled verify; at least 1MiB, 0: unlimited",
    )
    parallel_tables: int = Field(default=1, ge=1, le=64, description="how many tables are stored at a time")
    drill_size: Size = Field(
        default="10GiB", description="largest backup that a drill restores, by the size of its data; 0: any"
    )
    stop_timeout_seconds: float = Field(
        default=120.0, gt=0, description="how long a step may take to end after SIGTERM; less than systemd's own"
    )


class StateSettings(Section):
    """`[state]`."""

    directory: CheckedPath | None = Field(
        default=None,
        description="journal, locks, history; $STATE_DIRECTORY, /var/lib/alternator-backup for root, else below home",
    )


class LogSettings(Section):
    """`[log]`."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="the least that is logged")
    format: Literal["auto", "json", "console"] = Field(
        default="auto", description="of the daemon's lines on standard error; auto: console on a terminal, else json"
    )
    file: CheckedPath | None = Field(default=None, description="also append every line to this file")
    file_format: Literal["text", "json"] = Field(
        default="text", description="of that file; text: the predecessor's lines"
    )


REPOSITORY_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
