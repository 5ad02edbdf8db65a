"""What in a bucket's own rules would harm backups in it: an old object may be needed by a new one."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from backup_core.repository.storage.s3_bucket import BucketRules, Known, LifecycleRule


SLOW_CLASSES = frozenset(("GLACIER", "DEEP_ARCHIVE"))
"""Of these an object has to be asked for hours before it can be read (S3's user guide, storage classes)."""


@dataclass(frozen=True, slots=True)
class Hazard:
    """Something that somebody should change.

    Attributes:
        loses_backups: whether backups would be lost, couldn't be read or were read by anybody; else it costs money.
    """

    text: str
    hint: str
    loses_backups: bool = False


@dataclass(frozen=True, slots=True)
class BucketUse:
    """How a repository uses its bucket.

    Attributes:
        prefix: all its keys start with it.
        grace: how long an upload may have been left before it is dropped.
        is_checked: whether content goes up with a checksum, without which nothing can be locked.
    """

    prefix: str
    grace: timedelta
    is_checked: bool


def hazards(rules: BucketRules, use: BucketUse) -> Iterator[Hazard]:
    """What there is to change, the worst first."""
    applying = [rule for rule in rules.lifecycle.value or () if _applies(rule, use.prefix)]
    yield from _of_loss(applying)
    yield from _of_exposure(rules)
    if rules.locks.value and not use.is_checked:
        yield Hazard(
            "The bucket locks objects, and takes none without a checksum",
            'Set the repository\'s checksum to "sha256" or "md5".',
            loses_backups=True,
        )
    yield from _of_uploads(rules.lifecycle, applying, use.grace)
    if (
        rules.keeps_versions.value
        and rules.lifecycle.value is not None
        and not any(r.expires_versions for r in applying)
    ):
        yield Hazard(
            "The bucket keeps a version of everything that retention removes, for ever",
            "Add a lifecycle rule that expires noncurrent versions, after as many days as you may want to go back.",
        )


def unknowns(rules: BucketRules) -> Iterator[str]:
    """What the store doesn't tell, and why."""
    for what, known in (
        ("lifecycle rules", rules.lifecycle),
        ("versioning", rules.keeps_versions),
        ("object lock", rules.locks),
        ("public access", rules.is_public),
        ("public access block", rules.blocks_public),
    ):
        if known.value is None:
            yield f"{what}: {known.why_unknown}"


def _applies(rule: LifecycleRule, prefix: str) -> bool:
    return not rule.needs_tags and (prefix.startswith(rule.prefix) or rule.prefix.startswith(prefix))


def _named(rule: LifecycleRule) -> str:
    return f"The lifecycle rule {rule.name!r}" if rule.name else "A lifecycle rule"


def _of_loss(rules: list[LifecycleRule]) -> Iterator[Hazard]:
    for rule in rules:
        if rule.expires:
            yield Hazard(
                f"{_named(rule)} removes objects by their age, also those that newer backups still need",
                "Remove it, or limit it to another prefix: retention belongs into settings.toml.",
                loses_backups=True,
            )
        if slow := SLOW_CLASSES.intersection(rule.moved_to):
            yield Hazard(
                f"{_named(rule)} moves objects to {', '.join(sorted(slow))}, from where no restore can read them",
                "Remove it; GLACIER_IR and STANDARD_IA can be read at once.",
                loses_backups=True,
            )


def _of_exposure(rules: BucketRules) -> Iterator[Hazard]:
    if rules.is_public.value:
        yield Hazard(
            "Anybody can read the bucket",
            "Block public access to it, and think of what was in there as known.",
            loses_backups=True,
        )
    elif rules.blocks_public.value is False:
        yield Hazard("Nothing keeps the bucket from being made public", "Block all public access to it.")


def _of_uploads(
    lifecycle: Known[tuple[LifecycleRule, ...]], applying: list[LifecycleRule], grace: timedelta
) -> Iterator[Hazard]:
    days = [rule.ends_uploads_after_days for rule in applying if rule.ends_uploads_after_days is not None]
    if days and timedelta(days=min(days)) < grace:
        yield Hazard(
            f"Uploads that were interrupted go after {min(days)} days, before the repository's grace time ends",
            "Let the lifecycle rule wait longer, or what was sent of a large file is sent again.",
        )
    elif lifecycle.value is not None and not days:
        yield Hazard(
            "Uploads that were never completed cost money until this node comes back to remove them",
            "Add a lifecycle rule that aborts incomplete multipart uploads after seven days.",
        )
