"""Examples: `verify` (all backups), `verify users`, `verify users 1733313018 --deep`, `verify --sample 5%`."""

import argparse
from collections.abc import Iterator
from itertools import groupby

from backup_core.clock import SystemClock
from backup_core.errors import BackupError, IntegrityError, NotFoundError, RunCancelledError, batch_exit_code
from backup_core.events import BACKUP_DAMAGED, VERIFY_FAILED, Reporter
from backup_core.repository.listing import BackupListing
from backup_core.repository.protocol import Repository
from backup_core.repository.sampling import depths
from backup_core.repository.verification import DEEP, SHALLOW, Depth, VerifyPass
from daemon.invocation import Invocation, add_identity_argument
from daemon.reporting import reporting
from daemon.repositories import named_backups, opened
from daemon.settings_schedules import parse_share
from daemon.signals import cancelling


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What this verb takes."""
    parser.add_argument("table", nargs="?", metavar="TABLE", help="all tables if left out")
    parser.add_argument("tag", nargs="?", metavar="TAG", help="all backups of the table if left out")
    how_deep = parser.add_mutually_exclusive_group()
    how_deep.add_argument("--deep", action="store_const", dest="depth", const=DEEP, help="read every byte of them")
    how_deep.add_argument(
        "--sample", type=_share, dest="depth", metavar="SHARE", help="read as much, of what was read longest ago: 5%%"
    )
    add_identity_argument(parser)
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
        within = VerifyPass()
        for repository, listing, depth in _chosen(invocation, reporter):
            result, error = _verify(invocation, repository, listing, reporter, depth=depth, within=within)
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


def _chosen(invocation: Invocation, reporter: Reporter) -> Iterator[tuple[Repository, BackupListing, Depth]]:
    """The backups that the arguments name, and how deep each is verified."""
    arguments = invocation.arguments
    # All of them: a repository that isn't there must not look like one without damage.
    stored_in = opened(invocation.repositories(reporter))
    found = list(named_backups(stored_in, arguments.table, arguments.tag))
    for repository, group in groupby(found, key=lambda each: each[0]):
        for listing, depth in depths([listing for _, listing in group], arguments.depth or SHALLOW):
            yield repository, listing, depth


def _verify(
    invocation: Invocation,
    repository: Repository,
    listing: BackupListing,
    reporter: Reporter,
    *,
    depth: Depth,
    within: VerifyPass,
) -> tuple[dict[str, object], BackupError | None]:
    entry: dict[str, object] = {
        "table": listing.table,
        "tag": listing.tag,
        "repository": repository.name,
        "deep": depth.reads_all,
        "fraction": depth.fraction,
        "size_bytes": listing.size_bytes,
    }
    try:
        verified = repository.verify(
            listing,
            depth=depth,
            on_progress=lambda done_bytes: reporter.progress(f"verify {listing.table}", done_bytes, listing.size_bytes),
            cancel=invocation.cancel,
            within=within,
        )
    except RunCancelledError:
        raise
    except NotFoundError as gone:
        return {**entry, "result": "removed", "detail": gone.message}, None
    except BackupError as error:
        is_damaged = isinstance(error, IntegrityError)
        event = BACKUP_DAMAGED if is_damaged else VERIFY_FAILED
        reporter.failure(event, error, repository=repository.name, table=listing.table, tag=listing.tag)
        problems = list(error.context.get("problems", (str(error),)))
        result = "damaged" if is_damaged else "unknown"
        return {**entry, "objects": None, "result": result, "detail": "; ".join(problems), "problems": problems}, error
    unnoted = f"; this could not be written down: {verified.unnoted}" if verified.unnoted else ""
    return {
        **entry,
        "objects": verified.objects,
        "size_bytes": verified.size_bytes,
        "read_bytes": verified.read_bytes,
        "problems": [],
        "result": "unverified" if listing.id is None else "ok",
        "detail": f"{verified.objects} objects, {depth.words}{unnoted}",
    }, None


def _share(text: str) -> Depth:
    try:
        return parse_share(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
