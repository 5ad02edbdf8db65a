"""Secrets as files: a credentials directory with `cql__password` and the like, systemd's or the administrator's."""

import os
from pathlib import Path

from pydantic_settings import NestedSecretsSettingsSource, PydanticBaseSettingsSource

from backup_core.errors import SettingsError


DELIMITER = "__"


class CredentialFiles(NestedSecretsSettingsSource):
    """The source of settings that are files of a directory.

    A directory that isn't there, or that this user may not enter, holds nothing: whoever may not read the secrets
    can still use the verbs that need none. Its files may be links to anywhere; an empty one, which was only made to be
    filled, says nothing.

    Args:
        files: pydantic-settings' own source, which this one replaces.
        directory: where they are.

    Raises:
        SettingsError: files of ours that can't be read; others in the directory are nobody's business here.
    """

    def __init__(self, files: PydanticBaseSettingsSource, directory: Path) -> None:
        self._sections = frozenset(files.settings_cls.model_fields)
        super().__init__(files, secrets_dir=directory, secrets_nested_delimiter=DELIMITER, secrets_prefix="")

    def validate_secrets_path(self, path: Path) -> None:
        """Whatever it is: `load_secrets` looks for itself."""

    def load_secrets(self, path: Path) -> dict[str, str]:  # type: ignore[override]  # the library calls it on itself
        """What the files say, by their names."""
        secrets: dict[str, str] = {}
        problems: list[str] = []
        for file in self._files(path):
            try:
                secrets[file.name] = file.read_text(encoding="utf-8").strip()
            except OSError as error:
                problems.append(f"{_key(file)}: the credential {file} can't be read: {error.strerror}")
            except UnicodeDecodeError:
                problems.append(f"{_key(file)}: the credential {file} is no text in UTF-8")
        if problems:
            raise SettingsError("; ".join(problems), problems=tuple(problems))
        return {name: secret for name, secret in secrets.items() if secret}

    def _files(self, directory: Path) -> list[Path]:
        if not os.access(directory, os.R_OK | os.X_OK) or not directory.is_dir():
            return []
        return sorted(
            file
            for file in directory.iterdir()
            if DELIMITER in file.name and file.name.lower().partition(DELIMITER)[0] in self._sections
        )


def _key(file: Path) -> str:
    return file.name.lower().replace(DELIMITER, ".")
