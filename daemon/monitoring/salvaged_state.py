"""What a settings file still tells when it is refused: where the daemon's state is, which goes by older settings."""

import os
import re
import tomllib
from pathlib import Path
from typing import Any

from daemon.credentials import DELIMITER
from daemon.settings_file import ENVIRONMENT_PREFIX
from daemon.state import default_state_directory


_STATE_VARIABLE = f"{ENVIRONMENT_PREFIX}STATE{DELIMITER}DIRECTORY"

_STATE_SECTION = re.compile(r"^\[state\][^\n]*\n(?:(?!\[)[^\n]*\n?)*", re.MULTILINE)


def salvaged_state_directory(path: Path) -> Path:
    """The state directory, as far as environment and file tell; else the one that counts where nothing is set.

    Args:
        path: a settings file, whatever is wrong with it.

    Raises:
        SettingsError: nothing tells it, and the user has no home.
    """
    told = os.environ.get(_STATE_VARIABLE) or _state_section(path).get("directory")
    return path.resolve().parent / told if isinstance(told, str) and told else default_state_directory()


def _state_section(path: Path) -> dict[str, Any]:
    """`[state]`, alone if the rest is no TOML."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    section = _STATE_SECTION.search(text)
    for readable in (text, section[0] if section else ""):
        try:
            state = tomllib.loads(readable).get("state")
        except tomllib.TOMLDecodeError:
            continue
        return state if isinstance(state, dict) else {}
    return {}
