"""What a run, the verbs and a restore ask of a repository, whatever it is made of.

`local.LocalRepository` is a directory in archive mode; `incremental.repository.IncrementalRepository` stores each
SSTable once, over any `storage`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from backup_core.model import StoredBackup, VerifiedTable
from backup_core.repository.holds import Hold
from backup_core.repository.listing import BackupListing
from backup_core.repository.marker import Marker


if TYPE_CHECKING:
    from backup_core.cancel import CancelToken
    from backup_core.repository.findings import Findings
    from backup_core.repository.manifest import Manifest, StoredObject
    from backup_core.repository.verification import Depth, Progress, VerifyPass, VerifyResult
    from backup_core.step import Interruptible


class Repository(Protocol):
    """Backups of one node's tables. `open` before anything is written; `open_read_only` before anything is read.

    Every method raises BackupError as the operating system or the store refuses.

    Attributes:
        name: as the settings call it.
        mode: "archive", or "incremental" where backups share what they have in common.
        allow_same_disk: whether it may be on the disk of the node's data.
    """

    name: str
    mode: str
    allow_same_disk: bool

    @property
    def address(self) -> str:
        """Where it is, for people: a path, or s3://bucket/prefix/host."""
        ...

    @property
    def directory(self) -> Path | None:
        """Where it takes space on a disk of this machine; None where it takes none."""
        ...

    def open(self, host_id: str, cluster: str | None) -> Marker:
        """Make sure that the repository is there and this host's; make it on first use.

        Raises:
            ForeignRepositoryError: it is another host's, of a newer format or of another mode.
        """
        ...

    def open_read_only(self) -> Marker | None:
        """Make sure that the repository can be read, whoever's it is; None if only the predecessor has written there.

        Raises:
            NotFoundError: there is no such repository.
            ForeignRepositoryError: it is of a newer format or of another mode.
        """
        ...

    def clear_up(self) -> tuple[str, ...]:
        """Remove what processes that are gone had begun to write; what was removed."""
        ...

    def mend(self) -> None:
        """Mend what a crash has left half-done of what follows a publication, such as links to it."""
        ...

    def store(self, context: "Interruptible", table: VerifiedTable, pace: "SnapshotPace") -> StoredBackup:
        """Store and publish a table's snapshot; it is listed when this returns, and nothing is listed if it raises.

        Args:
            context: its reporter, clock and cancel token are used.
            table: what to store.
            pace: hears how far it has come.
        """
        ...

    def takes(self, manifest: "Manifest") -> bool:
        """Whether a backup of another repository can be received: of this mode, and encrypted as this one encrypts."""
        ...

    def receive(
        self, context: "Interruptible", manifest: "Manifest", read_stored: "ReadStored", pace: "SnapshotPace"
    ) -> StoredBackup:
        """Store and publish a backup of another repository as it is stored there; listed or not as for `store`.

        Args:
            context: its reporter, clock and cancel token are used.
            manifest: of the backup, which this `takes`.
            read_stored: the other one's `read_stored` of the backup.
            pace: hears how far it has come.
        """
        ...

    def tables(self) -> tuple[str, ...]:
        """Names of the tables that may have backups, sorted."""
        ...

    def tags(self, table_name: str) -> set[str]:
        """All tags of a table that are taken, by damaged backups too."""
        ...

    def backups(self, table_name: str | None = None) -> tuple[BackupListing, ...]:
        """What is stored of one table, or of all: tables by name, each with its newest backup first."""
        ...

    def find(self, table_name: str, tag: str | None = None) -> BackupListing:
        """One backup: of a tag, else the newest complete one, else the newest.

        Raises:
            NotFoundError: there is none; the message names what is close.
        """
        ...

    def manifest(self, listing: BackupListing) -> "Manifest":
        """The manifest of a backup, checked against its summary.

        Raises:
            ManifestError: it can't be trusted or read; what the predecessor left has none.
        """
        ...

    def description(self, listing: BackupListing, manifest: "Manifest | None") -> Mapping[str, Any]:
        """What a restore needs to know of the table; `manifest` is None for what the predecessor left.

        Raises:
            ManifestError, IntegrityError: it can't be read, or isn't the one that was stored.
        """
        ...

    def read(self, listing: BackupListing, stored: "StoredObject") -> AbstractContextManager[Iterator[bytes]]:
        """The plain content of an object or file of a backup, decrypted and decompressed.

        What it gives counts only when it has come to its end: then size and SHA-256 were those of the manifest, as
        stored and as plain.

        Raises:
            IntegrityError: they weren't, or it is missing.
            PermissionDeniedError: it is encrypted, and none of the given identities can read it.
        """
        ...

    def read_stored(self, listing: BackupListing, stored: "StoredObject") -> AbstractContextManager[Iterator[bytes]]:
        """The same as it is stored, which needs no identity; size and SHA-256 are held against the manifest."""
        ...

    def verify(
        self,
        listing: BackupListing,
        *,
        depth: "Depth",
        on_progress: "Progress",
        cancel: "CancelToken",
        within: "VerifyPass | None" = None,
    ) -> "VerifyResult":
        """Look whether a backup is what was stored, as deep as asked; what is found is written down beside it.

        Args:
            listing: the backup.
            depth: how much of what is stored is read.
            on_progress: hears how many of the stored bytes were read so far.
            cancel: ends it.
            within: the pass that this is part of: what backups share is read once in it; None for one by itself.

        Raises:
            IntegrityError: with everything that is wrong, or known to be until a verification has read every byte and
                found it right; its context has them as `problems`.
            NotFoundError: it was removed meanwhile.
            BackupError: as the operating system or the store refuses: nothing is known of the backup then.
        """
        ...

    def check(self, now: datetime) -> "Findings":
        """Look at everything there: what backups need and isn't there, and what is there for nobody.

        Raises:
            BackupError: as the operating system or the store refuses.
        """
        ...

    def is_removable(self, host_id: Callable[[], str]) -> bool:
        """Whether this machine may remove backups: where others could be about to use what goes, only their writer.

        Args:
            host_id: tells this node's, where it matters; what it raises, this raises.
        """
        ...

    def hold(self, listing: BackupListing, hold: Hold) -> Hold:
        """Keep a backup from being removed; the hold that is in force, another one if there was one already."""
        ...

    def release(self, listing: BackupListing) -> Hold | None:
        """Let go of a backup; the hold that was on it, or None."""
        ...

    def remove(self, listing: BackupListing) -> bool:
        """Remove a backup; whether this did it: not if somebody else has before, or holds it."""
        ...

    def sweep(self, table_names: Sequence[str], now: datetime, locks: "Locks") -> int:
        """Remove what only removed backups needed, older than the grace time; how many bytes went.

        Nothing to do where each backup has all its files to itself. Of a table that a run has, it is left for the next
        time; one that fails doesn't stop the others.

        Args:
            table_names: the tables.
            now: the time.
            locks: the node's, which its runs hold.
        """
        ...

    def forget(self, chosen: Sequence[BackupListing], removed: "Removed") -> tuple[str, ...]:
        """Remove backups of one table and whatever else we keep of it; what is left there and isn't ours.

        Args:
            chosen: backups of one table, none of them held.
            removed: hears of each that went.
        """
        ...

    def read_note(self, listing: BackupListing, name: str) -> bytes | None:
        """What was written beside a backup under that name; None if nothing was."""
        ...

    def write_note(self, listing: BackupListing, name: str, content: bytes) -> None:
        """Write something beside a backup, over the former one: it is no part of the backup."""
        ...

    def close(self) -> None:
        """Let go of connections, and of what is held."""
        ...


class ReadStored(Protocol):
    """Reads objects or files of one backup of another repository."""

    def __call__(self, stored: "StoredObject", /) -> AbstractContextManager[Iterator[bytes]]:
        """As `Repository.read_stored` does."""
        ...


class SnapshotPace(Protocol):
    """Hears how far the storing of a snapshot, or a copy, has come, and slows it down; what it raises ends it."""

    def __call__(self, done_bytes: int) -> None:
        """So many bytes of its files have been dealt with so far; what is new since the last call was read."""
        ...

    def skip(self, size_bytes: int) -> None:
        """So many more have been dealt with without being read: they are stored already."""
        ...


class Locks(Protocol):
    """One lock a table, as `lock.TableLocks` has them."""

    def hold(self, table_name: str) -> AbstractContextManager[None]:
        """Hold a table's lock for the block.

        Raises:
            LockHeldError: a run has it.
        """
        ...


class Removed(Protocol):
    """Hears of backups that were removed."""

    def __call__(self, listing: BackupListing) -> None:
        """One is gone."""
        ...
