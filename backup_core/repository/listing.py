"""Lists what is in a repository, from summaries and from what is still there beside them."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from backup_core.durable import read_file
from backup_core.errors import ManifestError
from backup_core.repository import layout, legacy
from backup_core.repository.damage import parse_damage
from backup_core.repository.holds import Hold, read_hold
from backup_core.repository.restored_at import parse_restored_at
from backup_core.repository.summary import Summary, Verified, parse_summary
from backup_core.repository.verified_note import read_back_at
from backup_core.storage_errors import storage_errors


class BackupStatus(StrEnum):
    """How far a backup can be trusted."""

    COMPLETE = "complete"
    DAMAGED = "damaged"
    UNVERIFIED = "unverified"


@dataclass(frozen=True, slots=True)
class BackupListing:
    """A backup as lists show it. None is unknown.

    Attributes:
        table: the table's name.
        id: the table's id, 32 hex digits.
        tag: Unix time in digits, or `legacy-` and that for what the predecessor left.
        size_bytes: of all that is stored; plain_size_bytes: of the snapshot's files before compression.
        problem: what is wrong with a damaged backup, what isn't known of an unverified one; empty for a complete one.
        location: where it is: a directory, or s3://...
        hold: what keeps it from being removed, if anything does.
        mode: "archive", or "incremental" where it shares its objects with other backups.
        sent_bytes: what of `size_bytes` wasn't stored before.
        manifest_sha256: of its manifest, as its summary says.
        damaged_at: when a verification found that it is damaged; None where none did.
    """

    table: str
    id: str | None
    tag: str
    snapshot_at: datetime
    nominal_at: datetime | None
    size_bytes: int
    plain_size_bytes: int | None
    status: BackupStatus
    problem: str
    verified: Verified
    location: str
    hold: Hold | None = None
    mode: str = "archive"
    sent_bytes: int | None = None
    manifest_sha256: str | None = None
    damaged_at: datetime | None = None


def list_tables(root: Path) -> tuple[str, ...]:
    """Names of the directories that may be tables', sorted. Links and everything unknown are passed over.

    Raises:
        BackupError: as the operating system refuses.
    """
    return tuple(sorted(name for name in _directories(root) if layout.is_table_name(name)))


def backup_directory(root: Path, listing: BackupListing) -> Path:
    """The directory of a backup; of one of the predecessor's the table's, as long as its files haven't moved.

    Raises:
        BackupError: as the operating system refuses.
    """
    directory = layout.table_directory(root, listing.table)
    if not layout.is_legacy_tag(listing.tag):
        return directory / layout.check_tag(listing.tag)
    found = legacy.find(directory) if directory.is_dir() else ()
    return next((each.location for each in found if each.tag == listing.tag), directory / listing.tag)


def tags_in_use(directory: Path) -> frozenset[str]:
    """Every tag that a table's directory has no room for, whatever has that name.

    Raises:
        BackupError: as the operating system refuses.
    """
    with storage_errors(directory, "Failed to list"):
        try:
            return frozenset(entry.name for entry in os.scandir(directory) if layout.is_tag(entry.name))
        except FileNotFoundError:
            return frozenset()


def list_backups(root: Path, table_name: str) -> tuple[BackupListing, ...]:
    """The backups of one table, newest first; none if there is no such table.

    Raises:
        BackupError: as the operating system refuses.
    """
    directory = layout.table_directory(root, table_name)
    with storage_errors(directory, "Failed to list"):
        try:
            if not stat.S_ISDIR(directory.lstat().st_mode):
                return ()
        except FileNotFoundError:
            return ()
    found = [*_own(directory), *_legacy(directory)]
    return tuple(sorted(found, key=lambda listing: (listing.snapshot_at, listing.tag), reverse=True))


def read_summary(location: Path) -> Summary:
    """The summary of the backup in a directory.

    Raises:
        ManifestError: if it is missing, can't be read, or belongs to another backup than its directory says.
        BackupError: as the operating system refuses.
    """
    content = read_file(f"{location}/{layout.SUMMARY}")
    if content is None:
        raise ManifestError(f"{layout.SUMMARY} is missing")
    summary = parse_summary(content)
    if (summary.table, summary.tag) != (location.parent.name, location.name):
        raise ManifestError(f"{layout.SUMMARY} is that of {summary.table}/{summary.tag}")
    if not layout.is_archive(summary.table, summary.archive):
        raise ManifestError(f"{layout.SUMMARY} names {summary.archive!r} as its archive")
    return summary


def _own(directory: Path) -> Iterator[BackupListing]:
    for tag in _directories(directory):
        if not layout.is_tag(tag):
            continue
        location = directory / tag
        manifest_size_bytes = regular_size(location, layout.MANIFEST)
        # Without a manifest it is debris: what somebody has begun to remove.
        if manifest_size_bytes is None:
            continue
        listing = _listing(location, manifest_size_bytes)
        # What is removed while it is looked at isn't damaged, but gone.
        if listing.status is BackupStatus.COMPLETE or regular_size(location, layout.MANIFEST) is not None:
            yield listing


def _listing(location: Path, manifest_size_bytes: int) -> BackupListing:
    try:
        summary = read_summary(location)
    except ManifestError as error:
        return _without_summary(location, error.message)
    damage = parse_damage(read_file(f"{location}/{layout.DAMAGE}"))
    problem = _problem(location, summary, manifest_size_bytes) or damage.problem
    stored = read_back_at(read_file(f"{location}/{layout.VERIFIED}"), summary.manifest_sha256)
    restored = parse_restored_at(read_file(f"{location}/{layout.RESTORED}"))
    return BackupListing(
        table=summary.table,
        id=summary.table_id,
        tag=summary.tag,
        snapshot_at=summary.snapshot_at,
        nominal_at=summary.nominal_at,
        size_bytes=summary.size_bytes,
        plain_size_bytes=summary.plain_size_bytes,
        status=BackupStatus.DAMAGED if problem else BackupStatus.COMPLETE,
        problem=problem,
        verified=replace(summary.verified, stored=stored or summary.verified.stored, restored=restored),
        location=str(location),
        hold=read_hold(location),
        mode=summary.mode,
        sent_bytes=summary.sent_bytes,
        manifest_sha256=summary.manifest_sha256,
        damaged_at=damage.found_at,
    )


def _without_summary(location: Path, problem: str) -> BackupListing:
    with storage_errors(location, "Failed to list"):
        try:
            sizes = [entry.stat(follow_symlinks=False).st_size for entry in os.scandir(location)]
        except FileNotFoundError:
            sizes = []
    return BackupListing(
        table=location.parent.name,
        id=None,
        tag=location.name,
        snapshot_at=layout.tag_time(location.name),
        nominal_at=None,
        size_bytes=sum(sizes),
        plain_size_bytes=None,
        status=BackupStatus.DAMAGED,
        problem=problem,
        verified=Verified(),
        location=str(location),
        hold=read_hold(location),
    )


def _problem(location: Path, summary: Summary, manifest_size_bytes: int) -> str:
    if manifest_size_bytes != summary.manifest_size_bytes:
        return f"{layout.MANIFEST} isn't the one that {layout.SUMMARY} was made from"
    size_bytes = regular_size(location, summary.archive)
    if size_bytes is None:
        return f"archive missing: {summary.archive}"
    if size_bytes != summary.archive_size_bytes:
        return f"archive has {size_bytes} bytes instead of {summary.archive_size_bytes}: {summary.archive}"
    return ""


def _legacy(directory: Path) -> Iterator[BackupListing]:
    for found in legacy.find(directory):
        yield BackupListing(
            table=directory.name,
            id=None,
            tag=found.tag,
            snapshot_at=layout.tag_time(found.tag),
            nominal_at=None,
            size_bytes=found.size_bytes,
            plain_size_bytes=None,
            status=BackupStatus.UNVERIFIED if found.archive else BackupStatus.DAMAGED,
            problem="made by the predecessor: nothing tells what it should hold"
            if found.archive
            else "archive missing",
            verified=Verified(),
            location=str(found.location),
        )


def _directories(directory: Path) -> list[str]:
    with storage_errors(directory, "Failed to list"):
        return [entry.name for entry in os.scandir(directory) if entry.is_dir(follow_symlinks=False)]


def regular_size(directory: Path, name: str) -> int | None:
    """Size of a regular file, or None if there is none. Lists ask for thousands: a joined text is cheaper than a Path.

    Raises:
        BackupError: as the operating system refuses.
    """
    with storage_errors(directory, "Failed to read"):
        try:
            status = os.lstat(f"{directory}/{name}")
        except FileNotFoundError:
            return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
