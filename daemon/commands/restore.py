"""Examples: `restore users`, `restore users --as copy --run 1733313018`, `restore users --plan`, `restore --all`."""

import argparse
from collections.abc import Sequence

from backup_core.clock import SystemClock
from backup_core.context import Context
from backup_core.errors import BackupError, RunCancelledError, StepError, batch_exit_code
from backup_core.events import RESTORE_FAILED
from backup_core.restore.model import RestorePlan, RestoreResult
from backup_core.restore.plan_json import as_json
from backup_core.restore.restored import result_fields
from daemon.confirmation import can_ask, confirmed
from daemon.invocation import Invocation, add_identity_argument
from daemon.moments import moment
from daemon.reporting import reporting
from daemon.restore_plans import print_plan, runs_text
from daemon.restore_results import print_result, result_error
from daemon.restore_work import RestoreWork
from daemon.signals import cancelling
from daemon.wiring import node_context


WRONG_USAGE, DECLINED = 2, 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What this verb takes."""
    parser.add_argument("table", nargs="?", metavar="TABLE", help="table as it was backed up, case-sensitive")
    parser.add_argument("--all", action="store_true", help="every table of the run; without one all that have backups")
    when = parser.add_mutually_exclusive_group()
    when.add_argument("--run", metavar="TAG", help="tag of the backup; the newest complete one if left out")
    when.add_argument("--at", type=moment, metavar="TIME", help="the newest complete backup at that time, in UTC")
    parser.add_argument("--as", dest="target", metavar="NAME", help="restore under this name")
    parser.add_argument(
        "--from",
        dest="repositories",
        action="append",
        metavar="REPOSITORY",
        help="a repository of the settings, or the path of one; may be repeated; all of the settings if left out",
    )
    add_identity_argument(parser)
    parser.add_argument("--expect-manifest", metavar="SHA256", help="refuse a backup whose manifest.json has another")
    parser.add_argument("--plan", action="store_true", help="print everything that would be done, and stop")
    parser.add_argument("--partial", action="store_true", help="restore though part of the token ring is missing")
    parser.add_argument("--late-indexes", action="store_true", help="add GSIs after the data: faster, see the plan")
    parser.add_argument(
        "--hash-only",
        action="append",
        default=[],
        metavar="INDEX",
        help="drop the sort key that a GSI may only seem to have; may be repeated",
    )
    parser.add_argument("--without-grants", action="store_true", help="don't grant again what roles were granted")
    parser.add_argument("--json", action="store_true", help="for programs")
    replacing = parser.add_argument_group("put the backup in the place of a table that exists")
    replacing.add_argument("--replace", action="store_true", help="delete the table, once all else is done")
    replacing.add_argument("--rehearse", action="store_true", help="restore under a scratch name first, and prove it")
    replacing.add_argument("--without-safety-backup", action="store_true", help="take no backup of what is deleted")
    replacing.add_argument("--yes", action="store_true", help="delete without asking for the table's name")


def run(invocation: Invocation) -> int:
    """Restore one table, or every table of a run."""
    arguments, output = invocation.arguments, invocation.output
    problem = _wrong_usage(arguments)
    if problem:
        output.error(f"alternator-backup restore: {problem}")
        return WRONG_USAGE
    with (
        cancelling(invocation.cancel),
        reporting(output, SystemClock(), invocation.settings.log) as reporter,
        node_context(invocation.settings, reporter, invocation.cancel) as context,
    ):
        work = RestoreWork(invocation, context)
        tables = work.tables()
        plans, errors = _plans(context, work, tables)
        if arguments.all and plans:
            output.message(f"Tables to restore: {len(plans)}, from {runs_text(plans)}.")
        if arguments.plan:
            _print_plans(invocation, work, plans)
        elif arguments.replace and not arguments.yes and plans and not _agreed(invocation, plans):
            output.message("Nothing was done.")
            return DECLINED
        else:
            errors += _restore(invocation, context, work, plans)
    if arguments.all and not arguments.plan:
        output.message(_summary(len(tables), len(errors), plans))
    return batch_exit_code(errors, some_succeeded=len(errors) < len(tables))


def _wrong_usage(arguments: argparse.Namespace) -> str:
    """What is wrong with the options together; empty if nothing is."""
    if bool(arguments.table) == arguments.all:
        return "name a table, or say --all."
    if arguments.all and (arguments.target or arguments.expect_manifest):
        return "--as and --expect-manifest are for one table."
    if arguments.all and arguments.replace and not (arguments.run or arguments.plan):
        return "--all --replace needs --run TAG: safety backups are newer than the run that you mean."
    if not arguments.replace and (arguments.rehearse or arguments.without_safety_backup):
        return "--rehearse and --without-safety-backup go with --replace."
    if arguments.replace and not (arguments.plan or arguments.yes or can_ask()):
        return "say --yes to delete a table without being asked."
    return ""


def _summary(tables: int, failed: int, plans: Sequence[RestorePlan]) -> str:
    """How many tables came back, and of which runs."""
    done = f"{tables - failed} of {tables} tables came back as they were"
    runs = f", from {runs_text(plans)}" if plans else ""
    return f"{done}{runs}." + (f" {failed} failed, or are not all that they were." if failed else "")


def _plans(context: Context, work: RestoreWork, tables: Sequence[str]) -> tuple[list[RestorePlan], list[BackupError]]:
    """All plans before anything is done, each that can't be made with its one ERROR line."""
    plans, errors = [], []
    for table in tables:
        try:
            plans.append(work.plan(table))
        except RunCancelledError:
            raise
        except BackupError as error:
            context.reporter.failure(RESTORE_FAILED, error, table=table)
            errors.append(error)
    return plans, errors


def _print_plans(invocation: Invocation, work: RestoreWork, plans: Sequence[RestorePlan]) -> None:
    if invocation.arguments.json:
        invocation.output.json([as_json(plan, work.replacement(plan)) for plan in plans])
        return
    for plan in plans:
        print_plan(invocation.output, plan, work.replacement(plan))


def _agreed(invocation: Invocation, plans: Sequence[RestorePlan]) -> bool:
    """Whether who sits there types the table's name; the run's tag, where it is about all of its tables."""
    first = plans[0]
    tag = first.sources[0].listing.tag
    names = ", ".join(plan.target for plan in plans)
    question = (
        f"Replace {names} by backup {tag}: DeleteTable deletes what is there now on every node of the cluster, with "
        "what is written to it from now on?"
    )
    return confirmed(invocation.output, question, expected=tag if invocation.arguments.all else first.target)


def _restore(
    invocation: Invocation, context: Context, work: RestoreWork, plans: Sequence[RestorePlan]
) -> list[BackupError]:
    """Restore one table after the other; one that fails doesn't stop the others."""
    errors: list[BackupError] = []
    results: list[RestoreResult] = []
    for plan in plans:
        try:
            result = work.restore(plan)
        except RunCancelledError:
            raise
        except BackupError as error:
            context.reporter.failure(RESTORE_FAILED, error, table=plan.target)
            if isinstance(error, StepError):
                invocation.output.traceback(error)
            errors.append(error)
            continue
        results.append(result)
        if not invocation.arguments.json:
            print_result(invocation.output, result)
        if (shortcoming := result_error(result)) is not None:
            invocation.output.error(f"ERROR - {shortcoming}")
            errors.append(shortcoming)
    if invocation.arguments.json:
        invocation.output.json([result_fields(result) for result in results])
    return errors
