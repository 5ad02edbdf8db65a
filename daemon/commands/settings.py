"""Examples: `settings check`, `settings check --settings new.toml`, `settings show --json`."""

import argparse
import json
import os
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from backup_core.errors import SettingsError
from daemon.invocation import Invocation
from daemon.settings_sources import settings_sources


MASK = "********"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What this verb takes."""
    parser.add_argument("action", choices=("show", "check"), help="print what is in force; or only tell what is wrong")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(invocation: Invocation) -> int:
    """Print the settings in force, or every problem on a line of its own."""
    if invocation.arguments.action == "show":
        return _show(invocation)
    return _check(invocation)


def _check(invocation: Invocation) -> int:
    output, as_json = invocation.output, invocation.arguments.json
    path = invocation.settings_path
    try:
        settings = invocation.settings
    except SettingsError as error:
        problems = error.problems or (str(error),)
        if as_json:
            output.json({"settings": str(path), "ok": False, "problems": problems})
        for problem in problems:
            output.error(f"{path}: {problem}" if error.problems else problem)
        return error.exit_code
    if as_json:
        output.json({"settings": str(path), "ok": True, "problems": []})
    else:
        count = len(settings.repository)
        output.data(f"{path} is ok: {count} {'repository' if count == 1 else 'repositories'}.")
    return 0


def _show(invocation: Invocation) -> int:
    values = _plain(invocation.settings.model_dump())
    sources = settings_sources(invocation.settings_path, os.environ, values)
    if invocation.arguments.json:
        invocation.output.json({"values": values, "sources": sources})
        return 0
    invocation.output.data(f"# in force, from {invocation.settings_path}, the environment and the credentials")
    for line in _toml(values, sources, ()):
        invocation.output.data(line)
    return 0


def _plain(value: Any) -> Any:
    """Values as TOML and JSON know them; secrets masked, paths as text."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, SecretStr):
        return MASK if value.get_secret_value() else ""
    return str(value) if isinstance(value, Path) else value


def _toml(table: dict[str, Any], sources: dict[str, Any], path: tuple[str, ...]) -> list[str]:
    """Lines that read as what is in force, each with where it comes from behind it."""
    lines = [
        f"# {key} is not set" if value is None else f"{key} = {_literal(value)}  # {sources[key]}"
        for key, value in table.items()
        if not isinstance(value, dict)
    ]
    if lines and path:
        lines = ["", f"[{'.'.join(path)}]", *lines]
    for key, value in table.items():
        if isinstance(value, dict):
            lines += _toml(value, sources[key], (*path, key))
    return lines


def _literal(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_literal(item)}" for key, item in value.items() if item is not None) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_literal(item) for item in value) + "]"
    # Strings, booleans and numbers are written as in JSON; a line break in a text must not break the line.
    return json.dumps(value, ensure_ascii=False)
