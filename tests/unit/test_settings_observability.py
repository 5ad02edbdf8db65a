"""What `[metrics]` and `[hooks]` can say, and that no problem with them tells a secret."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_core.errors import SettingsError
from daemon.settings_file import build_settings
from daemon.settings_observability import parse_listen
from tests.settings_keys import SECRETS


def problem(**sections: Any) -> str:
    """What is wrong with settings."""
    with pytest.raises(SettingsError) as caught:
        build_settings(
            {"repository": {"local": {"path": "backups"}}, **sections}, source="settings.toml", base=Path("/")
        )
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9188", ("127.0.0.1", 9188)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:9188", ("::1", 9188)),
        ("node-1.example.com:65535", ("node-1.example.com", 65535)),
        ("", None),
    ],
)
def test_addresses_to_listen_at(text: str, address: tuple[str, int] | None) -> None:
    """Host and port, an IPv6 address in brackets, or nothing."""
    assert parse_listen(text) == address


@pytest.mark.parametrize("text", ["9188", ":9188", "127.0.0.1", "::1:9188", "host:65536", "host:9188 ", "host:", "h:٣"])
def test_what_is_no_address(text: str) -> None:
    """Everything else is a problem with its key and an example."""
    assert "metrics.listen" in problem(metrics={"listen": text})
    assert "127.0.0.1:9188" in problem(metrics={"listen": text})


@given(st.text(max_size=30))
def test_any_text_is_an_address_or_a_problem(text: str) -> None:
    """No text breaks the parser, and what it accepts has a port that exists."""
    try:
        address = parse_listen(text)
    except ValueError:
        return
    assert address is None or 0 <= address[1] <= 65535


@pytest.mark.parametrize("command", [["./hook.sh"], ["bin/hook"], [""], ["echo", "a\0b"]])
def test_commands_that_cannot_work(command: list[str]) -> None:
    """A command that depends on the current directory, or that no system can start, is found when settings are read."""
    assert "hooks.command" in problem(hooks={"command": command})


@pytest.mark.parametrize(
    "url",
    ["hc-ping.com/s3cret", "ftp://host/s3cret", "https:///s3cret", "https://host/s3 cret", "http://u:s3cret@host/"],
)
def test_urls_that_cannot_work_are_not_repeated(url: str) -> None:
    """A wrong ping URL is a problem that doesn't show it."""
    told = problem(hooks={"ping_url": url})
    assert "hooks.ping_url" in told
    assert url not in told
    assert "s3" not in told


def test_the_ping_url_is_a_secret() -> None:
    """Whoever shows settings masks it."""
    assert "hooks.ping_url" in SECRETS
    assert "s3cret" not in repr(
        build_settings(
            {"repository": {"local": {"path": "backups"}}, "hooks": {"ping_url": "https://host/s3cret"}},
            source="x",
            base=Path("/"),
        )
    )


@pytest.mark.parametrize("hooks", [{"at": ["end"]}, {"timeout_seconds": 0}, {"ping_start": " "}, {"url": "x"}])
def test_other_problems(hooks: dict[str, Any]) -> None:
    """Moments that there aren't, no time at all, spaces in a URL and unknown keys are problems."""
    assert f"hooks.{next(iter(hooks))}" in problem(hooks=hooks)


def test_variables_for_hooks_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hook's command can call the command line: what it was told doesn't count as a wrong setting."""
    monkeypatch.setenv("ALTERNATOR_BACKUP_HOOK_EVENT", "start")
    build_settings({"repository": {"local": {"path": "backups"}}}, source="settings.toml", base=Path("/"))
