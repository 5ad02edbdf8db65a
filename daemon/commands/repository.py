"""Examples: `repository check`, `repository check offsite`, `repository check --json | jq '.[].missing[]'`."""

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from backup_core.clock import SystemClock
from backup_core.errors import IntegrityError
from backup_core.events import SilentReporter
from backup_core.repository.findings import Findings, Orphans
from backup_core.sizes import human_size
from daemon.invocation import Invocation
from daemon.repositories import foreign_folders, opened, require_repository
from daemon.signals import cancelling


MOST_LINES = 100
"""Of one kind; `--json` has all."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What this verb takes."""
    parser.add_argument("action", choices=("check",), help="look at everything that is there, and change nothing")
    parser.add_argument("name", nargs="?", metavar="NAME", help="all repositories if left out")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(invocation: Invocation) -> int:
    """Tell what backups need and isn't there, and what is there for nobody; only the former is a failure."""
    with cancelling(invocation.cancel):
        stored_in = opened(invocation.repositories(SilentReporter(), _names(invocation)))
        found = [(each.name, each.address, each.check(SystemClock().now())) for each in stored_in]
        names = dict.fromkeys(each.name for each in stored_in)
        foreign = {name: foreign_folders(invocation.settings, name, cancel=invocation.cancel) for name in names}
    if invocation.arguments.json:
        invocation.output.json([{**_as_json(*each), "beside": foreign[each[0]]} for each in found])
    else:
        for name, address, findings in found:
            for line in _lines(name, address, findings):
                invocation.output.data(line)
        for name, folders in foreign.items():
            for folder in folders:
                invocation.output.data(f"{name}: beside the hosts' folders there is {folder}/, which isn't ours.")
    return IntegrityError.exit_code if any(findings.lost for _, _, findings in found) else 0


def _names(invocation: Invocation) -> tuple[str, ...] | None:
    name = invocation.arguments.name
    if name is None:
        return None
    require_repository(invocation.settings, name)
    return (name,)


def _lines(name: str, address: str, findings: Findings) -> Iterator[str]:
    host = f" of host {findings.host_id}" if findings.host_id else ""
    yield f"{name}{host}: {findings.backups} backups of {findings.tables} tables at {address}"
    told = {
        "Missing": findings.missing,
        "Unreadable": findings.unreadable,
        "Vanished": findings.vanished,
        "Debris": findings.debris,
        "Not ours": findings.foreign,
    }
    for what, texts in told.items():
        yield from (f"  {what}: {text}" for text in texts[:MOST_LINES])
        if len(texts) > MOST_LINES:
            yield f"  {what}: {len(texts) - MOST_LINES} more"
    if findings.orphans.objects:
        yield f"  Needed by no backup: {_orphans(findings.orphans)}"
    if not any(told.values()) and not findings.orphans.objects:
        yield "  Everything that backups need is there, and nothing else."


def _orphans(orphans: Orphans) -> str:
    going = f"{orphans.old} are older than the grace time: the next prune removes them"
    return f"{orphans.objects} objects ({human_size(orphans.size_bytes)}); {going}."


def _as_json(name: str, address: str, findings: Findings) -> dict[str, Any]:
    return {"repository": name, "address": address, **asdict(findings)}
