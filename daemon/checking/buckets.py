"""What a bucket does by itself: would its rules eat objects that backups need, and may others read them?"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from backup_core.durations import parse_duration
from backup_core.errors import BackupError, StorageError
from backup_core.events import SilentReporter
from daemon.checking.examination import Examination
from daemon.checking.finding import Finding, failure, ok, warning
from daemon.repository_building import RepositoryBuilder
from daemon.settings_repositories import S3RepositorySettings


if TYPE_CHECKING:
    from backup_core.repository.storage.bucket_hazards import BucketUse
    from backup_core.repository.storage.s3_bucket import BucketRules


def buckets(examination: Examination) -> Iterator[Finding]:
    """Are lifecycle, versions, locks and access of each bucket such that backups stay, and stay ours?"""
    builder = RepositoryBuilder(examination.settings, SilentReporter(), examination.cancel, is_node=True)
    for name, place in examination.settings.repository.items():
        if isinstance(place, S3RepositorySettings):
            yield from _bucket(builder, name, place)


def _bucket(builder: RepositoryBuilder, name: str, place: S3RepositorySettings) -> Iterator[Finding]:
    from backup_core.repository.storage.bucket_hazards import hazards, unknowns  # noqa: PLC0415  (see wiring)

    what = f"bucket {place.bucket}"
    try:
        rules = builder.bucket_rules(name, place)
    except BackupError as error:
        yield failure(what, error)
        return
    found = list(hazards(rules, _use(place)))
    for hazard in found:
        if hazard.loses_backups:
            yield failure(what, StorageError(f"{hazard.text}.", hint=hazard.hint))
        else:
            yield warning(what, f"{hazard.text}.", hazard.hint)
    if unknown := "; ".join(unknowns(rules)):
        yield warning(what, f"Unknown: {unknown}.", "Look at them with the store's own tools.")
    elif not found:
        yield ok(what, _good(rules))


def _use(place: S3RepositorySettings) -> "BucketUse":
    from backup_core.repository.storage.bucket_hazards import BucketUse  # noqa: PLC0415  (see wiring)

    prefix = f"{place.prefix}/" if place.prefix else ""
    return BucketUse(prefix, parse_duration(place.grace), is_checked=place.checksum != "none")


def _good(rules: "BucketRules") -> str:
    kept = "keeps versions" if rules.keeps_versions.value else "keeps no versions"
    locked = (
        "can lock them" if rules.locks.value else "can't lock objects: whoever takes the node can delete its backups"
    )
    return f"No rule removes what backups need, nobody else may read it. It {kept} and {locked}."
