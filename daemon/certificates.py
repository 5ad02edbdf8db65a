"""Certificates that the settings name."""

from pathlib import Path

from backup_core.errors import SettingsError


def ca_file(key: str, path: Path | None) -> str | None:
    """A file of certificates, as clients take it; None where there is none to take.

    The clients would tell a file that isn't there from a port that is down only by the operating system's number.

    Args:
        key: of the setting.
        path: what it says.

    Raises:
        SettingsError: there is no such file.
    """
    if path is None:
        return None
    if not path.is_file():
        raise SettingsError(f"{key}: there is no file {path}.", hint="Leave it out to trust the system's certificates.")
    return str(path)
