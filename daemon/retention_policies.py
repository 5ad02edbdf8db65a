"""The retention of the settings, as the core takes it."""

from backup_core.durations import parse_duration
from backup_core.repository.retention import Policies, Policy, TablePolicy
from daemon.settings_repositories import RepositorySettings, RetentionSettings


def retention_policies(repository: RepositorySettings) -> Policies:
    """The policies of a repository."""
    return Policies(
        _policy(repository.retention),
        tuple(TablePolicy(override.tables, _policy(override)) for override in repository.retention_for),
    )


def _policy(rules: RetentionSettings) -> Policy:
    return Policy(
        keep_within=parse_duration(rules.keep_within) if rules.keep_within is not None else None,
        keep_last=rules.keep_last,
        keep_hourly=rules.keep_hourly,
        keep_daily=rules.keep_daily,
        keep_weekly=rules.keep_weekly,
        keep_monthly=rules.keep_monthly,
        keep_yearly=rules.keep_yearly,
        keep_minimum=rules.keep_minimum,
    )
