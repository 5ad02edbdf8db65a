"""The predecessor's values: `baskup` needs no settings file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from daemon.settings_file import Settings, build_settings


SOURCE = "baskup's own settings"

VALUES: Mapping[str, Mapping[str, Any]] = {
    # Its http://localhost:8000 may mean ::1 first, where Alternator doesn't listen by default.
    "alternator": {"endpoint": "http://127.0.0.1:8000", "region": "us-east-1"},
    # Harmless where authentication is off: the node then doesn't ask for them.
    "cql": {"username": "cassandra", "password": "cassandra"},
    "repository": {"local": {"path": "backups", "allow_same_disk": True}},
    # It looked at no floor at all and ran on nearly full disks. Those shall go on, but never fill up the data's disk.
    "limits": {"min_free_space": "5%"},
    "log": {"file": "alternator_backup.log"},
}


def predecessor_settings(environment: Mapping[str, str]) -> Settings:
    """The predecessor's values, with the environment over them as always.

    Args:
        environment: here, and only here, AWS's own variables hold the key for Alternator, as its users had it.

    Raises:
        SettingsError: the environment says something wrong.
    """
    key = {
        "access_key_id": environment.get("AWS_ACCESS_KEY_ID", ""),
        "secret_access_key": environment.get("AWS_SECRET_ACCESS_KEY", ""),
    }
    return build_settings({**VALUES, "alternator": {**VALUES["alternator"], **key}}, source=SOURCE, base=Path.cwd())
