from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from backup_core.errors import SettingsError
from backup_core.repository.retention import Policy
from daemon.retention_policies import retention_policies
from daemon.settings_file import Settings, build_settings


def built(**repository: Any) -> Settings:
    """Settings with one repository."""
    return build_settings(
        {"repository": {"local": {"path": "backups", **repository}}}, source="settings.toml", base=Path("/")
    )


def test_without_rules_everything_stays() -> None:
    """A repository whose settings say nothing of retention has an empty policy."""
    policies = retention_policies(built().repository["local"])
    assert policies.of("users") == Policy()


def test_rules_are_those_of_the_settings() -> None:
    """Each key of the settings is a rule of the policy."""
    counts = {
        "keep_last": 3,
        "keep_hourly": 24,
        "keep_daily": 14,
        "keep_weekly": 8,
        "keep_monthly": 12,
        "keep_yearly": 2,
        "keep_minimum": 5,
    }
    policies = retention_policies(built(retention={"keep_within": "2w", **counts}).repository["local"])
    assert policies.of("users") == Policy(keep_within=timedelta(days=14), **counts)


def test_some_tables_have_rules_of_their_own() -> None:
    """The first entry that names a table counts instead of the repository's rules, and takes none of those."""
    overrides = [{"tables": ["users", "tmp_*"], "keep_last": 3}, {"tables": ["*"], "keep_daily": 7}]
    policies = retention_policies(built(retention={"keep_within": "7d"}, retention_for=overrides).repository["local"])
    assert policies.of("tmp_a") == Policy(keep_last=3)
    assert policies.of("orders") == Policy(keep_daily=7)


@pytest.mark.parametrize(
    ("key", "values", "problem"),
    [
        ("retention", {"keep_within": "7 days"}, "retention.keep_within: '7 days' is no duration"),
        ("retention", {"keep_minimum": 0}, "retention.keep_minimum: has to be at least 1"),
        ("retention", {"keep_last": 0}, "retention.keep_last: has to be at least 1"),
        ("retention", {"keep_forever": 1}, "retention.keep_forever: there is no such key"),
        ("retention_for", [{"keep_last": 1}], "retention_for.0.tables: has to be set"),
        ("retention_for", [{"tables": [], "keep_last": 1}], "retention_for.0.tables: must not be empty"),
    ],
)
def test_wrong_rules_are_told(key: str, values: Any, problem: str) -> None:
    """A rule that can't be is named with its key, before anything is removed by it."""
    with pytest.raises(SettingsError) as caught:
        built(**{key: values})
    assert caught.value.problems[0].startswith(f"repository.local.{problem}")
