"""What a restore will do, as `restore --plan` prints it."""

import json
from collections import Counter
from collections.abc import Sequence

from backup_core.restore.model import Replacement, RestorePlan
from backup_core.restore.planned_requests import requests
from backup_core.sizes import human_size
from daemon.output import Output
from daemon.restore_results import coverage_text


def runs_text(plans: Sequence[RestorePlan]) -> str:
    """Which runs the backups of tables are of, the newest first; of several runs, with how many tables each."""
    listings = [plan.sources[0].listing for plan in plans]
    listings.sort(key=lambda listing: listing.snapshot_at, reverse=True)
    tables = Counter(listing.tag for listing in listings)
    if len(tables) == 1:
        return f"run {listings[0].tag}"
    return f"runs {', '.join(f'{tag} ({count})' for tag, count in tables.items())}"


def print_plan(output: Output, plan: RestorePlan, replacement: Replacement | None) -> None:
    """Everything that will be done, for people; `replacement` if a table is replaced."""
    listing = plan.sources[0].listing
    output.data(f"Restore of {plan.definition.name}/{listing.tag} as {plan.target}")
    output.data(f"Way: {plan.way}; the backups cover {coverage_text(plan.coverage)} of the token ring")
    output.data("")
    sources = [
        (
            source.repository.name,
            source.listing.location,
            f"{source.listing.snapshot_at:%Y-%m-%d %H:%M:%S} UTC",
            human_size(source.listing.size_bytes),
        )
        for source in plan.sources
    ]
    output.table(("repository", "location", "snapshot", "size"), sources)
    if plan.differences:
        output.data("")
        rows = [(each.what, each.backup, each.target, each.action) for each in plan.differences]
        output.table(("difference", "backup", "target", "what is done"), rows)
    output.data("")
    output.data("Requests:")
    for request in requests(plan, replacement):
        parameters = json.dumps(request.parameters, ensure_ascii=False)
        output.data(f"  {request.step}: {request.operation} {parameters}")
    for warning in plan.warnings:
        output.warning(f"Not brought back: {warning}")
