"""Secrets as files: systemd's credentials, and those of the settings' directory."""

from pathlib import Path

import pytest

from daemon.settings_file import load_settings


@pytest.mark.parametrize(("credential", "password"), [("from a file\n", "from a file"), ("", "set"), ("\n", "set")])
def test_an_empty_file_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, credential: str, password: str
) -> None:
    """A credential counts before settings.toml, but not one that was only made to be filled."""
    settings = tmp_path / "settings.toml"
    settings.write_text('[cql]\npassword = "set"\n[repository.local]\npath = "backups"\n')
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "cql__password").write_text(credential)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))

    assert load_settings(settings).cql.password.get_secret_value() == password
