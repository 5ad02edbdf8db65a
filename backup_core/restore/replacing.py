"""Puts a backup in the place of a table that exists: nothing is deleted before everything else has been done.

Alternator can't rename a table, and DeleteTable acts on the whole cluster and takes the grants with it. So first there
is a fresh backup of what goes, then every byte of what comes is checked and staged, then it is rehearsed under a
scratch name if that is wanted; else an empty scratch table shows at least that the role may create one. Only then the
table is deleted and the restore goes its usual way.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from backup_core.context import Context
from backup_core.errors import (
    BackupError,
    IntegrityError,
    LockHeldError,
    NodeRefusedError,
    NodeUnavailableError,
    PermissionDeniedError,
    RunCancelledError,
)
from backup_core.model import Table
from backup_core.repository.create_table import assemble_request
from backup_core.restore.claiming import is_unfinished, new_record
from backup_core.restore.model import Replacement, RestorePlan, RestoreResult
from backup_core.restore.restoring import restore_staged, restore_table
from backup_core.restore.safety import safety_backup
from backup_core.restore.scratch import scratch_name
from backup_core.restore.scratch_clearing import clear_scratch, scratch_table
from backup_core.restore.staged_backups import StagedBackups, stage_backups
from backup_core.restore.tables import create_table, find_table
from backup_core.step import step


def replace_table(context: Context, replacement: Replacement) -> RestoreResult:
    """Put a backup in the place of a table; where there is none, or an interrupted replacement's, this is a restore.

    Args:
        context: where the node is.
        replacement: what is to be done.

    Raises:
        IntegrityError: the rehearsal didn't prove the backup: nothing was deleted.
        BackupError: whatever ends it; the message says whether the table may be gone, and how to go on.
        RunCancelledError: a signal; the same.
    """
    plan, hash_only = replacement.plan, replacement.hash_only
    old = find_table(context, plan.target)
    if old is None or is_unfinished(context, plan, old):
        return restore_table(context, plan, hash_only=hash_only)
    with ExitStack() as stack:
        with _still_there(context, plan, old):
            with context.locks.hold(plan.target):
                # From here on the newest backup may be the safety backup: run again, this is still about the plan's.
                context.restores.write(new_record(context, plan, old, preparing=True))
            clear_scratch(context)
            if replacement.rehearsal is None:
                _try_to_create(context, plan)
            tag = _safety_backup(context, old, replacement)
            stack.enter_context(context.locks.hold(plan.target))
            staging = stage_backups(context, plan.sources, context.restore_staging, nodes=plan.nodes)
            staged = stack.enter_context(staging)
            if replacement.rehearsal is not None:
                _rehearse(context, replacement.rehearsal, staged, hash_only)
        with _maybe_gone(context, old, tag):
            return restore_staged(context, plan, staged, hash_only=hash_only, replaced=old)


def _try_to_create(context: Context, plan: RestorePlan) -> None:
    """Let the node refuse CreateTable now rather than after DeleteTable; nothing is left of the table."""
    name = scratch_name(context.rest.host_id(), plan.sources[0].listing.tag)
    request = assemble_request(
        name,
        key_schema=plan.definition.key_schema,
        attribute_definitions=plan.definition.attribute_definitions,
        billing={},
        tags={tag["Key"]: tag["Value"] for tag in plan.create_table.get("Tags", ())},
    )
    with step(context, "try_to_create", table=plan.target), scratch_table(context, name):
        context.restores.write(new_record(context, replace(plan, target=name, create_table=request), None))
        create_table(context, request)


def _safety_backup(context: Context, table: Table, replacement: Replacement) -> str | None:
    if replacement.repositories is None:
        return None
    with step(context, "safety_backup", table=table.name):
        return safety_backup(context, table, replacement.repositories)


def _rehearse(context: Context, plan: RestorePlan, staged: StagedBackups, hash_only: frozenset[str]) -> None:
    """Restore and prove under a scratch name, and leave nothing of it."""
    with scratch_table(context, plan.target):
        result = restore_staged(context, plan, staged, hash_only=hash_only, keep=True)
    differing = [line.what for line in result.proof if not line.holds]
    if differing or result.not_done:
        raise IntegrityError(
            f"The rehearsal didn't bring back what the backup says: {'; '.join((*differing, *result.not_done))}.",
            hint="Restore it beside the table with --as NAME, and look at the proof.",
        )


@contextmanager
def _still_there(context: Context, plan: RestorePlan, table: Table) -> Iterator[None]:
    """Let what ends the block say that the table is as it was. What passes may be tried again with the same command."""
    try:
        yield
    except BackupError as error:
        hint = f"Table '{table.name}' was not touched."
        if not isinstance(error, (RunCancelledError, NodeUnavailableError, LockHeldError)):
            context.restores.remove(plan.target)
            hint += f" Its newest backup may be another one by now: say --run {plan.sources[0].listing.tag} next time."
        error.hint = f"{error.hint} {hint}".strip()
        raise


@contextmanager
def _maybe_gone(context: Context, table: Table, tag: str | None) -> Iterator[None]:
    """Let what ends the block say what may be gone by then."""
    try:
        yield
    except BackupError as error:
        if isinstance(error, (NodeRefusedError, PermissionDeniedError)) and _is_there(context, table):
            context.restores.remove(table.name)
            error.hint = f"{error.hint} Table '{table.name}' was not touched.".strip()
            raise
        kept = f"what was in it is in its backup {tag}" if tag else "no backup of it was taken"
        error.hint = (
            f"{error.hint} Table '{table.name}' as it was (id {table.id}) may be deleted by now; {kept}. The same "
            "command run again ends the work."
        ).strip()
        raise


def _is_there(context: Context, table: Table) -> bool:
    try:
        return find_table(context, table.name) == table
    except BackupError:
        return False
