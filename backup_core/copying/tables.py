"""Copies backups of one table from one repository into another.

Where both store them alike, what is stored goes over as it is, and needs no private key. Else a backup is unpacked, and
stored as its node would have. Either way the copy says who has taken the snapshot and when, not who has copied it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from backup_core.copying.context import CopyContext
from backup_core.copying.gaps import Decision, Verdict, decide
from backup_core.copying.spooling import spooled
from backup_core.errors import BackupError, IntegrityError, ManifestError, StorageError
from backup_core.events import BACKUP_COPIED, COPY_FAILED, COPY_LEFT_OUT, COPY_STARTED
from backup_core.floor_guard import FloorGuard
from backup_core.model import Table
from backup_core.pace import Pace
from backup_core.repository.listing import BackupListing
from backup_core.repository.manifest import Manifest
from backup_core.repository.marker import refuse_other_host
from backup_core.repository.verification import SHALLOW
from backup_core.space import check_room
from backup_core.step import step


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one backup.

    Attributes:
        listing: as the source has it.
        copy: as the target has it now, if it was copied.
        error: why it wasn't; None if it was, or was there already.
    """

    listing: BackupListing
    verdict: Verdict
    copy: BackupListing | None = None
    error: BackupError | None = None

    @property
    def result(self) -> str:
        """In a word or two, for people and programs."""
        if self.copy is not None:
            return "copied"
        return str(self.verdict) if self.verdict in {Verdict.THERE, Verdict.LEFT_OUT} else "failed"


def copy_table(
    context: CopyContext, listings: Sequence[BackupListing], told: Callable[[Outcome], None], *, required: bool = False
) -> None:
    """Copy what the target hasn't got of some backups of one table.

    What is wrong with one backup doesn't stop the others; what isn't there, full or forbidden would stop them all.

    Args:
        context: where from and where to.
        listings: the backups, in the order in which they are copied.
        told: hears what came of each.
        required: whether each has to be there afterwards: then to leave one out is to fail.

    Raises:
        LockHeldError: a run has the table.
        BackupError: as one of the repositories, or the operating system, refuses.
        RunCancelledError: a signal; what was sent by then is used by the next copy.
    """
    table = listings[0].table
    with context.locks.hold(table):
        there = context.target.backups(table)
        for decision in decide(listings, there, context.source.name, context.target.name):
            told(_carry_out(context, decision, required=required))


def _carry_out(context: CopyContext, decision: Decision, *, required: bool) -> Outcome:
    listing, verdict, error = decision.listing, decision.verdict, decision.error
    if required and verdict is Verdict.LEFT_OUT:
        verdict = Verdict.CONFLICT
    about = {"repository": context.target.name, "table": listing.table, "tag": listing.tag}
    if verdict is Verdict.COPY:
        try:
            with step(context, "copy", table=listing.table, repository=context.target.name):
                return Outcome(listing, Verdict.COPY, copy=_copied(context, listing))
        except (IntegrityError, ManifestError) as found:
            error = found
    if error is not None and verdict is Verdict.LEFT_OUT:
        context.reporter.warning(COPY_LEFT_OUT, **about, source=context.source.name, reason=error.message)
    elif error is not None:
        context.reporter.failure(COPY_FAILED, error, **about)
    return Outcome(listing, verdict, error=error)


def _copied(context: CopyContext, listing: BackupListing) -> BackupListing:
    about = {"repository": context.target.name, "source": context.source.name}
    manifest = context.source.manifest(listing)
    marker = context.target.open_read_only()
    if marker is not None:
        refuse_other_host(context.target.address, marker, manifest.node.host_id)
    context.reporter.event(COPY_STARTED, **about, table=listing.table, tag=listing.tag, size_bytes=listing.size_bytes)
    _store(context, listing, manifest)
    copy = _checked(context, listing)
    context.reporter.event(
        BACKUP_COPIED,
        **about,
        table=copy.table,
        tag=copy.tag,
        path=copy.location,
        size_bytes=copy.size_bytes,
        sent_bytes=copy.sent_bytes,
    )
    return copy


def _store(context: CopyContext, listing: BackupListing, manifest: Manifest) -> None:
    source, target = context.source, context.target
    table = Table(manifest.table.name, manifest.table.id)
    if target.takes(manifest):
        size_bytes = sum(stored.stored_size_bytes for stored in manifest.objects)
        check_room(context, target, table, size_bytes)
        target.receive(context, manifest, partial(source.read_stored, listing), _pace(context, table, size_bytes))
        return
    with spooled(context, listing, manifest) as unpacked:
        size_bytes = unpacked.snapshot.size_bytes
        check_room(context, target, table, size_bytes)
        target.store(context, unpacked, _pace(context, table, size_bytes))


def _pace(context: CopyContext, table: Table, size_bytes: int) -> Pace:
    return Pace(context, FloorGuard(context, ()), table.name, size_bytes)


def _checked(context: CopyContext, listing: BackupListing) -> BackupListing:
    """The copy, if all that it needs is there: its host may have removed what it uses, which no lock here prevents."""
    target = context.target
    copy = target.find(listing.table, listing.tag)
    try:
        target.verify(copy, depth=SHALLOW, on_progress=lambda _: None, cancel=context.cancel)
    except IntegrityError as error:
        target.remove(copy)
        raise StorageError(
            f"{copy.table}/{copy.tag} was taken out of {target.name} again: {error.message}",
            hint="Something was removed there meanwhile: copy it again.",
        ) from error
    return copy
