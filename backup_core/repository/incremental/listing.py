"""Lists what is in an incremental repository: one listing of each table id's backups, and their summaries.

A backup is there when its manifest is: that is put last and removed first. What a listing that lags may still show or
not yet show is asked for by name before anything is said of it: nothing is damaged because a listing is late.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from backup_core.errors import ManifestError
from backup_core.repository import layout
from backup_core.repository.damage import parse_damage
from backup_core.repository.holds import parse_hold
from backup_core.repository.incremental.keys import TableKeys
from backup_core.repository.incremental.notes import read_note
from backup_core.repository.incremental.parallel import in_parallel
from backup_core.repository.incremental.small_objects import read_object
from backup_core.repository.listing import BackupListing, BackupStatus
from backup_core.repository.restored_at import parse_restored_at
from backup_core.repository.storage.protocol import Storage
from backup_core.repository.summary import Summary, Verified, parse_summary
from backup_core.repository.verified_note import read_back_at


def list_tables(storage: Storage) -> tuple[str, ...]:
    """Names of the folders that may be tables', sorted. Everything unknown is passed over.

    Raises:
        BackupError: as the store refuses.
    """
    return tuple(sorted(name for name in storage.folders("") if layout.is_table_name(name)))


def table_ids(storage: Storage, table_name: str) -> Iterator[TableKeys]:
    """The keys of a table for each id that it has had.

    Raises:
        BackupError: as the store refuses.
    """
    for folder in storage.folders(f"{layout.check_table_name(table_name)}/"):
        if layout.is_table_id(folder):
            yield TableKeys(table_name, folder)


def tags_in_use(storage: Storage, table_name: str) -> set[str]:
    """Tags of all backups of a table, damaged ones too.

    Raises:
        BackupError: as the store refuses.
    """
    found = in_parallel(lambda keys: set(_backups_of(storage, keys)), table_ids(storage, table_name))
    return {tag for tags in found for tag in tags}


def list_backups(storage: Storage, table_name: str) -> tuple[BackupListing, ...]:
    """The backups of one table, newest first; none if there is no such table.

    Raises:
        BackupError: as the store refuses.
    """
    shown = (
        (keys, tag, objects)
        for keys in table_ids(storage, table_name)
        for tag, objects in _backups_of(storage, keys).items()
    )
    found = in_parallel(lambda each: _listing(storage, *each), shown)
    listings = [listing for listing in found if listing is not None]
    return tuple(sorted(listings, key=lambda listing: (listing.snapshot_at, listing.tag), reverse=True))


@dataclass(slots=True)
class _Shown:
    """What a listing shows of a backup: its manifest's size, and names of what is beside it."""

    manifest_size_bytes: int = 0
    beside: set[str] = field(default_factory=set)


def _backups_of(storage: Storage, keys: TableKeys) -> dict[str, _Shown]:
    found: dict[str, _Shown] = {}
    beside: dict[str, set[str]] = defaultdict(set)
    for info in storage.list(keys.backups):
        if tag := keys.tag_of(info.key):
            found[tag] = _Shown(info.size_bytes, beside[tag])
        elif named := keys.beside(info.key):
            beside[named[0]].add(named[1])
    return found


def _listing(storage: Storage, keys: TableKeys, tag: str, shown: _Shown) -> BackupListing | None:
    """A backup; None if it is gone by now, though it was listed."""
    try:
        summary = _summary(storage, keys, tag)
        problem = _misfit(summary, keys, tag, shown.manifest_size_bytes) if summary else ""
    except ManifestError as error:
        summary, problem = None, error.message
    if not problem and summary is None:
        return None
    if problem and storage.stat(keys.manifest(tag)) is None:
        return None
    if problem or summary is None:
        found = _damaged(storage, keys, tag, shown, problem)
    else:
        found = _whole(storage, keys, summary, shown)
    return replace(found, hold=parse_hold(_note(storage, keys, tag, shown, layout.HOLD)))


def _summary(storage: Storage, keys: TableKeys, tag: str) -> Summary | None:
    """The summary of a backup, made from its manifest where it is missing; None if that is missing as well.

    Raises:
        ManifestError: it can't be read.
    """
    content = read_object(storage, keys.summary(tag))
    if content is not None:
        return parse_summary(content)
    # A summary is put before its manifest and removed after it: somebody has taken it away. The manifest says it all.
    from backup_core.repository.incremental.manifests import checked_manifest  # noqa: PLC0415  (takes time to import)
    from backup_core.repository.manifest import summarize  # noqa: PLC0415

    content = read_object(storage, keys.manifest(tag))
    return None if content is None else summarize(checked_manifest(content, keys, tag, None), content)


def _misfit(summary: Summary, keys: TableKeys, tag: str, manifest_size_bytes: int) -> str:
    if (summary.table, summary.table_id, summary.tag) != (keys.table_name, keys.table_id, tag):
        return f"{layout.SUMMARY} is that of {summary.table}/{summary.tag}, table id {summary.table_id}"
    if summary.mode != "incremental":
        return f"{layout.SUMMARY} is of {summary.mode} mode"
    if summary.manifest_size_bytes != manifest_size_bytes:
        return f"{layout.MANIFEST} isn't the one that {layout.SUMMARY} was made from"
    return ""


def _whole(storage: Storage, keys: TableKeys, summary: Summary, shown: _Shown) -> BackupListing:
    damage = parse_damage(_note(storage, keys, summary.tag, shown, layout.DAMAGE))
    restored = parse_restored_at(_note(storage, keys, summary.tag, shown, layout.RESTORED))
    stored = read_back_at(_note(storage, keys, summary.tag, shown, layout.VERIFIED), summary.manifest_sha256)
    return BackupListing(
        table=summary.table,
        id=summary.table_id,
        tag=summary.tag,
        snapshot_at=summary.snapshot_at,
        nominal_at=summary.nominal_at,
        size_bytes=summary.size_bytes,
        plain_size_bytes=summary.plain_size_bytes,
        status=BackupStatus.DAMAGED if damage.problem else BackupStatus.COMPLETE,
        problem=damage.problem,
        verified=replace(summary.verified, stored=stored or summary.verified.stored, restored=restored),
        location=_location(storage, keys, summary.tag),
        mode=summary.mode,
        sent_bytes=summary.sent_bytes,
        manifest_sha256=summary.manifest_sha256,
        damaged_at=damage.found_at,
    )


def _damaged(storage: Storage, keys: TableKeys, tag: str, shown: _Shown, problem: str) -> BackupListing:
    return BackupListing(
        table=keys.table_name,
        id=keys.table_id,
        tag=tag,
        snapshot_at=layout.tag_time(tag),
        nominal_at=None,
        size_bytes=shown.manifest_size_bytes,
        plain_size_bytes=None,
        status=BackupStatus.DAMAGED,
        problem=problem,
        verified=Verified(),
        location=_location(storage, keys, tag),
        mode="incremental",
    )


def _note(storage: Storage, keys: TableKeys, tag: str, shown: _Shown, name: str) -> bytes | None:
    return read_note(storage, keys, tag, name) if name in shown.beside else None


def _location(storage: Storage, keys: TableKeys, tag: str) -> str:
    return f"{storage.address}/{keys.manifest(tag)}"
