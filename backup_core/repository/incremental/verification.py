"""Verifies a backup of an incremental repository: its manifest, that its objects are there, and as asked their bytes.

Nothing is called damaged for an answer that came late or broke off: what a listing doesn't show is asked for by name,
and what was read wrong is read once more.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from backup_core.cancel import CancelToken
from backup_core.encryption import Identities
from backup_core.errors import IntegrityError, ManifestError, NotFoundError
from backup_core.repository import layout
from backup_core.repository.incremental.damage_notes import DamageNotes
from backup_core.repository.incremental.keys import TableKeys
from backup_core.repository.incremental.manifests import checked_manifest
from backup_core.repository.incremental.notes import write_note
from backup_core.repository.incremental.own_manifests import OwnManifests
from backup_core.repository.incremental.reading_back import ReadBack
from backup_core.repository.incremental.small_objects import read_object
from backup_core.repository.incremental.table_pass import TablePass
from backup_core.repository.listing import BackupListing, BackupStatus
from backup_core.repository.manifest import Manifest, summarize
from backup_core.repository.storage.protocol import Storage
from backup_core.repository.summary import parse_summary
from backup_core.repository.verification import Depth, Progress, VerifyPass, VerifyResult, damaged
from backup_core.repository.verified_note import VerifiedNote, why_unnoted


@dataclass(frozen=True, slots=True)
class Verifier:
    """Verifies backups of one repository.

    Attributes:
        own: knows what this node wrote; None where nothing is written.
        identities: private keys, if any are at hand.
        now: tells the time.
    """

    storage: Storage
    own: OwnManifests | None
    identities: Identities | None
    now: Callable[[], datetime]

    def verify(
        self,
        listing: BackupListing,
        *,
        depth: Depth,
        on_progress: Progress,
        cancel: CancelToken,
        within: VerifyPass,
    ) -> VerifyResult:
        """Verify a backup, and write down beside it what came of that.

        Args:
            listing: the backup.
            depth: how much of it is read.
            on_progress: hears how many of the stored bytes were read so far.
            cancel: ends it.
            within: the pass that this is part of.

        Raises:
            IntegrityError: with everything that is wrong; its context has them as `problems`.
            NotFoundError: it was removed meanwhile.
            BackupError: as the store refuses: nothing is known of the backup then.
        """
        keys = TableKeys(listing.table, layout.check_table_id(listing.id or ""))
        began_at = self.now()
        try:
            manifest, sha256 = self._manifest(keys, listing.tag)
        except ManifestError as error:
            raise self._found(keys, listing, (str(error),), {}) from error
        table = within.keep(f"{self.storage.address}/{keys.root}", lambda: TablePass.begin(self.storage, keys))
        problems = dict(table.absent(manifest.objects))
        there = [stored for stored in manifest.objects if stored.name not in problems]
        unread = [stored for stored in table.due(there, depth) if stored not in table.right]
        problems |= ReadBack(self.storage, keys, self.identities, on_progress, cancel).wrong(unread)
        table.found_right((stored for stored in unread if stored.name not in problems), began_at)
        table.found_wrong(problems)
        unnoted = why_unnoted(table.write_down) if unread or problems else ""
        if problems:
            raise self._found(keys, listing, problems.values(), problems)
        if listing.status is BackupStatus.DAMAGED and not depth.reads_all:
            raise damaged(listing, (listing.problem,))
        read_bytes = sum(stored.stored_size_bytes for stored in unread)
        since = table.read_since(manifest.objects)
        note = VerifiedNote(sha256, began_at, depth.fraction, len(manifest.objects), read_bytes, since)
        unnoted = unnoted or why_unnoted(lambda: self._note(keys, listing.tag, note, manifest))
        size_bytes = sum(stored.stored_size_bytes for stored in manifest.objects)
        return VerifyResult(listing, len(manifest.objects), size_bytes, depth.reads_all, read_bytes, unnoted)

    def _manifest(self, keys: TableKeys, tag: str) -> tuple[Manifest, str]:
        """The manifest, and its SHA-256, if it is the one that its summary and this node know."""
        content = read_object(self.storage, keys.manifest(tag))
        if content is None:
            raise NotFoundError(f"{keys.table_name}/{tag} was removed before all of it was verified")
        sha256 = hashlib.sha256(content).hexdigest()
        written = self.own.sha256s(keys.table_id, tag) if self.own else frozenset()
        if written and sha256 not in written:
            raise ManifestError(
                f"{keys.manifest(tag)} isn't the one that this node wrote", hint="Somebody has changed it: who?"
            )
        summary_content = read_object(self.storage, keys.summary(tag))
        if summary_content is None:
            return checked_manifest(content, keys, tag, None), sha256
        summary = parse_summary(summary_content)
        manifest = checked_manifest(content, keys, tag, summary.manifest_sha256)
        if summarize(manifest, content) != summary:
            raise ManifestError(f"{keys.summary(tag)} says something else than {keys.manifest(tag)}")
        return manifest, sha256

    def _found(
        self, keys: TableKeys, listing: BackupListing, problems: Iterable[str], objects: Mapping[str, str]
    ) -> IntegrityError:
        found = damaged(listing, problems)
        DamageNotes(self.storage, keys, self.now()).write(listing, found, objects)
        return found

    def _note(self, keys: TableKeys, tag: str, note: VerifiedNote, manifest: Manifest) -> None:
        write_note(self.storage, keys, tag, layout.VERIFIED, note.to_json())
        if note.fraction >= 1:
            DamageNotes(self.storage, keys, self.now()).withdraw(tag, {stored.name for stored in manifest.objects})
