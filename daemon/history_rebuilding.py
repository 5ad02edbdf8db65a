"""What the repositories tell of runs that nobody remembers any more."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from backup_core.errors import BackupError
from backup_core.repository import layout
from backup_core.repository.listing import BackupListing, BackupStatus
from backup_core.repository.protocol import Repository
from daemon.history_records import Outcome, RunRecord, TableRecord


@dataclass(frozen=True, slots=True)
class Retold:
    """Runs and tables as far as stored backups tell of them: only what succeeded, and by which tag.

    Attributes:
        unread: why a repository tells nothing, for each that doesn't.
    """

    runs: tuple[RunRecord, ...]
    tables: tuple[TableRecord, ...]
    unread: tuple[str, ...]


def retell(repositories: Iterable[Repository]) -> Retold:
    """Make records of all complete backups of ours: a run for each tag."""
    found: dict[tuple[str, str], dict[str, BackupListing]] = defaultdict(dict)
    unread = []
    for repository in repositories:
        try:
            for listing in repository.backups():
                if listing.status is BackupStatus.COMPLETE and layout.is_tag(listing.tag):
                    found[listing.tag, listing.table][repository.name] = listing
        except BackupError as error:
            unread.append(f"{repository.name}: {error}")
    tables = tuple(_table(tag, table, stored) for (tag, table), stored in sorted(found.items()))
    return Retold(_runs(tables), tables, tuple(unread))


def _run_id(tag: str) -> str:
    return f"retold-{tag}"


def _table(tag: str, table: str, stored: dict[str, BackupListing]) -> TableRecord:
    return TableRecord(
        run_id=_run_id(tag),
        table=table,
        outcome=Outcome.SUCCEEDED,
        started_at=min(listing.snapshot_at for listing in stored.values()),
        # The digests are compared while the archive is written, and that is found good at its end.
        finished_at=max(listing.verified.digest or listing.snapshot_at for listing in stored.values()),
        size_bytes=sum(listing.size_bytes for listing in stored.values()),
        repositories=dict.fromkeys(stored, Outcome.SUCCEEDED),
    )


def _runs(tables: Iterable[TableRecord]) -> tuple[RunRecord, ...]:
    starts: dict[str, list[TableRecord]] = defaultdict(list)
    for table in tables:
        starts[table.run_id].append(table)
    return tuple(
        RunRecord(
            run_id=run_id,
            what="backup",
            tag=(tag := run_id.removeprefix(_run_id(""))),
            schedules=(),
            nominal_at=layout.tag_time(tag),
            started_at=min(table.started_at for table in of_run),
        )
        for run_id, of_run in starts.items()
    )
