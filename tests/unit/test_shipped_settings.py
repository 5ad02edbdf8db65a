"""The settings.toml that is shipped, held against the settings that there are."""

import re
import tomllib
from typing import Any

from daemon.settings_file import ENVIRONMENT_PREFIX, Settings, load_settings
from daemon.settings_repositories import S3RepositorySettings
from tests.documents import ROOT, document
from tests.settings_keys import KEYS, SECRETS


SHIPPED = "settings.toml"
TO_BEGIN_WITH = {"schedule.NAME.cron": "0 2 * * *", "repository.NAME.retention.keep_within": "7d"}
"""What the file sets though it is no default: it backs up every night, and old backups go."""


def shipped(*, commented_out: bool) -> dict[str, Any]:
    """Keys of the file by their paths: those that it sets, or those that it has commented out."""
    found: dict[str, Any] = {}
    section = ""
    for line in document(SHIPPED).splitlines():
        if match := re.match(r"(?:# )?\[([\w.]+)\]", line):
            section = re.sub(r"^(repository|schedule)\.\w+", r"\1.NAME", match[1])
        elif (match := re.match(r"(# )?(\w+) = ", line)) and bool(match[1]) == commented_out:
            found[f"{section}.{match[2]}"] = tomllib.loads(line.removeprefix("# "))[match[2]]
    return found


def test_it_loads() -> None:
    """The file is valid as it is shipped."""
    settings = load_settings(ROOT / SHIPPED)
    assert (set(settings.repository), set(settings.schedule)) == ({"local"}, {"nightly"})


def test_it_names_every_key() -> None:
    """The file sets every key or has it commented out; secrets stand in its head, as the variables that they are."""
    named = {**shipped(commented_out=False), **shipped(commented_out=True)}
    assert sorted(named) == sorted(set(KEYS) - set(SECRETS))
    for secret in SECRETS:
        assert ENVIRONMENT_PREFIX + secret.replace(".", "__").upper() in document(SHIPPED)
        assert secret.replace(".", "__") in document(SHIPPED)


def test_it_sets_the_defaults() -> None:
    """What the file sets is what holds without it, but for what has to be set and what one begins with."""
    for key, value in shipped(commented_out=False).items():
        if key in TO_BEGIN_WITH:
            assert (value, KEYS[key].get_default()) == (TO_BEGIN_WITH[key], None)
        elif not KEYS[key].is_required():
            assert (tuple(value) if isinstance(value, list) else value) == KEYS[key].get_default(), key


def test_it_leaves_out_what_has_no_default() -> None:
    """A line is commented out only where nothing is set by default, but for a second schedule and a repository."""
    of_a_bucket = [f"repository.NAME.{name}" for name in S3RepositorySettings.model_fields]
    keys = [key for key in shipped(commented_out=True) if not key.startswith("schedule.") and key not in of_a_bucket]
    assert [key for key in keys if KEYS[key].get_default() is not None] == []


def test_commented_out_lines_are_valid() -> None:
    """Whoever uncomments every line of the file has settings that load."""
    text = re.sub(r"^# (\w+ = |\[)", r"\1", document(SHIPPED), flags=re.MULTILINE)
    settings = Settings(**tomllib.loads(text))
    assert settings.log.file is not None
    assert set(settings.schedule) == {"nightly", "scrub"}
    assert set(settings.repository) == {"local", "offsite"}
