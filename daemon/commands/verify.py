"""Examples: `verify` (all backups), `verify users`, `verify users 1733313018 --deep`."""

import argparse

from backup_core.clock import SystemClock
from backup_core.errors import BackupError, NotFoundError, RunCancelledError, batch_exit_code
from backup_core.events import BACKUP_DAMAGED, Reporter
from backup_core.repository.listing import BackupListing
from backup_core.repository.local import LocalRepository
from daemon.invocation import Invocation
from daemon.reporting import reporting
from daemon.repositories import named_backups, opened, repositories
from daemon.signals import cancelling


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What this verb takes."""
    parser.add_argument("table", nargs="?", metavar="TABLE", help="all tables if left out")
    parser.add_argument("tag", nargs="?", metavar="TAG", help="all backups of the table if left out")
    parser.add_argument("--deep", action="store_true", help="read every byte of every archive")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(invocation: Invocation) -> int:
    """Verify stored backups, one line each; what the predecessor left can't be verified, and says so."""
    arguments, output = invocation.arguments, invocation.output
    results: list[dict[str, object]] = []
    errors: list[BackupError] = []
    with (
        cancelling(invocation.cancel),
        reporting(output, SystemClock(), invocation.settings.log) as reporter,
    ):
        # All of them: a repository that isn't there must not look like one without damage.
        stored_in = opened(repositories(invocation.settings, reporter))
        for repository, listing in list(named_backups(stored_in, arguments.table, arguments.tag)):
            result, error = _verify(invocation, repository, listing, reporter)
            results.append(result)
            errors += [error] if error else []
    if arguments.json:
        output.json(results)
    elif results:
        columns = ("table", "tag", "repository", "result", "detail")
        output.table(columns, [tuple(str(result[column]) for column in columns) for result in results])
    else:
        output.message("There are no backups yet.")
    # Every backup was looked at: one that is damaged is no work left undone, but a failure.
    return batch_exit_code(errors, some_succeeded=False)


def _verify(
    invocation: Invocation, repository: LocalRepository, listing: BackupListing, reporter: Reporter
) -> tuple[dict[str, object], BackupError | None]:
    total_bytes = listing.size_bytes
    deep = invocation.arguments.deep
    entry: dict[str, object] = {
        "table": listing.table,
        "tag": listing.tag,
        "repository": repository.name,
        "deep": deep,
        "size_bytes": total_bytes,
    }
    try:
        verified = repository.verify(
            listing,
            deep=deep,
            on_progress=lambda done_bytes: reporter.progress(f"verify {listing.table}", done_bytes, total_bytes),
            cancel=invocation.cancel,
        )
    except RunCancelledError:
        raise
    except NotFoundError as gone:
        return {**entry, "result": "removed", "detail": gone.message}, None
    except BackupError as error:
        reporter.failure(BACKUP_DAMAGED, error, repository=repository.name, table=listing.table, tag=listing.tag)
        problems = list(error.context.get("problems", (str(error),)))
        detail = "; ".join(problems)
        return {**entry, "objects": None, "result": "damaged", "detail": detail, "problems": problems}, error
    how = "every byte" if verified.deep else "names and sizes"
    found = {"deep": verified.deep, "objects": verified.objects, "size_bytes": verified.size_bytes, "problems": []}
    result = "unverified" if listing.id is None else "ok"
    return {**entry, **found, "result": result, "detail": f"{verified.objects} objects, {how}"}, None
