"""Which backups are restored: the newest complete one, the one of a tag, or the newest not later than a moment.

Nodes have a repository each, and one tag for each run: of the given repositories every host that has the tag gives
one backup, its part of the table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from backup_core.errors import IntegrityError, ManifestError, NotFoundError
from backup_core.repository import layout
from backup_core.repository.listing import BackupListing, BackupStatus
from backup_core.repository.protocol import Repository
from backup_core.repository.timestamps import timestamp
from backup_core.restore.model import BackupSource
from backup_core.restore.source import read_source


@dataclass(frozen=True, slots=True)
class _Candidate:
    repository: Repository
    listing: BackupListing


def choose(
    repositories: Sequence[Repository],
    table_name: str,
    tag: str | None = None,
    at: datetime | None = None,
    expect_manifest: str | None = None,
) -> tuple[BackupSource, ...]:
    """The backups to restore, one for each host that has them.

    Args:
        repositories: open for reading; where several have a host's backup, the first that has it counts.
        table_name: the table that was backed up.
        tag: of the backup; `legacy-...` for what the predecessor left.
        at: the newest backup whose snapshot isn't later, if no tag is given. Without both it is the newest: complete
            ones first, the predecessor's only where there is no other.
        expect_manifest: SHA-256 of the `manifest.json` that it must be; of several hosts' separated by commas.

    Raises:
        NotFoundError: there is no such backup; the message names what is close.
        IntegrityError: it is damaged.
        ManifestError: its manifest or description can't be trusted, or isn't the expected one.
        BackupError: as the operating system refuses.
    """
    names = [table_name] if layout.is_table_name(table_name) else []
    found = [
        _Candidate(repository, listing)
        for repository in repositories
        for name in names
        for listing in repository.backups(name)
    ]
    if not found:
        raise _not_found(repositories, table_name)
    if tag is None:
        tag = _newest(found, at).tag
    tagged = [candidate for candidate in found if candidate.listing.tag == tag]
    if not tagged:
        raise _not_found(repositories, table_name, tag)
    sources = _one_for_each_host(tagged)
    _check_expected(sources, expect_manifest)
    return sources


def _newest(found: Sequence[_Candidate], at: datetime | None) -> BackupListing:
    listings = [candidate.listing for candidate in found]
    listings.sort(key=lambda listing: listing.snapshot_at, reverse=True)
    early = [listing for listing in listings if at is None or listing.snapshot_at <= at]
    for status in (BackupStatus.COMPLETE, BackupStatus.UNVERIFIED):
        for listing in early:
            if listing.status is status:
                return listing
    if early:
        raise _damaged(early[0])
    oldest = listings[-1]
    raise NotFoundError(
        f"There is no backup of {oldest.table} that is as old as {timestamp(at) if at else 'that'}",
        hint=f"The oldest is {oldest.tag}, of {timestamp(oldest.snapshot_at)}.",
    )


def _one_for_each_host(candidates: Sequence[_Candidate]) -> tuple[BackupSource, ...]:
    whole = [each for each in candidates if each.listing.status is not BackupStatus.DAMAGED]
    if not whole:
        raise _damaged(candidates[0].listing)
    sources: dict[str | None, BackupSource] = {}
    for candidate in whole:
        source = read_source(candidate.repository, candidate.listing)
        sources.setdefault(source.manifest.node.host_id if source.manifest else None, source)
    ids = {source.manifest.table.id for source in sources.values() if source.manifest}
    if len(ids) + (None in sources) > 1:
        listing = whole[0].listing
        raise ManifestError(
            f"The backups {listing.table}/{listing.tag} are of different tables: in different clusters, or one after "
            "the other.",
            hint="Name the repositories of one cluster with --from.",
        )
    return tuple(sources.values())


def _check_expected(sources: Sequence[BackupSource], expect_manifest: str | None) -> None:
    if expect_manifest is None:
        return
    expected = {text.strip().lower() for text in expect_manifest.split(",")}
    for source in sources:
        sha256 = source.listing.manifest_sha256
        if sha256 not in expected:
            what = f"has a manifest with SHA-256 {sha256}" if source.manifest else "has no manifest"
            raise ManifestError(
                f"{source.listing.location} {what}, not the expected one.",
                hint="Somebody has changed the backup, or it is another one: trust it only if you know why.",
            )


def _damaged(listing: BackupListing) -> IntegrityError:
    return IntegrityError(
        f"{listing.table}/{listing.tag} is damaged: {listing.problem}", hint="Choose another one: see `list`."
    )


def _not_found(repositories: Sequence[Repository], table_name: str, tag: str | None = None) -> NotFoundError:
    """One error for what each repository says."""
    errors = []
    for repository in repositories:
        try:
            repository.find(table_name, tag)
        except NotFoundError as error:
            errors.append(error)
    if len(errors) == 1:
        return errors[0]
    return NotFoundError(" ".join(str(error) for error in errors) or "There is no repository to restore from.")
