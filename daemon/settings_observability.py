"""What settings.toml can say about being watched: `[metrics]` and `[hooks]`."""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from daemon.settings import Section, from_text, readable_by


At = Literal["start", "success", "failure"]
"""When a hook is called."""

_LISTEN = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+)):(?P<port>[0-9]{1,5})", re.ASCII)
_HIGHEST_PORT = 65535


def parse_listen(text: str) -> tuple[str, int] | None:
    """Read `host:port` or `[IPv6 address]:port`; None for the empty text. Raises ValueError if it is neither."""
    if not text:
        return None
    match = _LISTEN.fullmatch(text)
    if match is None or int(match["port"]) > _HIGHEST_PORT:
        raise ValueError("give it as host:port, such as 127.0.0.1:9188 or [::1]:9188; empty for none")
    return match["v6"] or match["host"], int(match["port"])


def _is_command(command: tuple[str, ...]) -> tuple[str, ...]:
    if command and "/" in command[0] and not command[0].startswith("/"):
        raise ValueError("the first word has to be an absolute path, or a name that PATH finds")
    if any("\0" in word for word in command):
        raise ValueError("a word of a command can't have a NUL character in it")
    return command


def _is_ping_url(url: SecretStr) -> SecretStr:
    """Its text is in no message: whoever knows it can ping."""
    text = url.get_secret_value()
    if text:
        parts = urlsplit(text)
        if parts.scheme not in {"http", "https"} or not parts.hostname or re.search(r"[^!-~]", text):
            raise ValueError("it has to start with http:// or https:// and a host, and to have no spaces in it")
        if "@" in parts.netloc:
            raise ValueError("a user and a password in it don't work")
    return url


Suffix = Annotated[str, Field(pattern=r"^[!-~]*$")]


class MetricsSettings(Section):
    """`[metrics]`."""

    listen: Annotated[str, readable_by(parse_listen)] = Field(
        default="127.0.0.1:9188", description="where /metrics and /healthz are; empty: nowhere"
    )
    max_tables: int = Field(
        default=200, ge=0, description="so many tables have metrics of their own; the others are taken together"
    )


class HooksSettings(Section):
    """`[hooks]`: what is called when a run starts and ends. Nothing that a hook does can stop a backup."""

    command: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...], from_text(None), AfterValidator(_is_command)
    ] = Field(
        default=(),
        description="a program and its arguments, without a shell; it learns the rest from its environment",
    )
    ping_url: Annotated[SecretStr, AfterValidator(_is_ping_url)] = Field(
        default=SecretStr(""),
        description="asked for with GET; whoever knows it can ping, so it is best a credential or in the environment",
    )
    ping_start: Suffix = Field(default="/start", description="put behind ping_url at the start of a run")
    ping_success: Suffix = Field(default="", description="put behind it when all of a run succeeded")
    ping_failure: Suffix = Field(default="/fail", description="put behind it when something of a run failed")
    at: Annotated[tuple[At, ...], from_text(",")] = Field(
        default=("start", "success", "failure"), description="when both are called"
    )
    timeout_seconds: float = Field(
        default=30.0, gt=0, le=3600, description="for one call; a command that takes longer is killed"
    )
