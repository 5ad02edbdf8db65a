"""Examples: `show users` (its newest backup), `show users 1733313018 --json`."""

import argparse

from backup_core.events import SilentReporter
from backup_core.repository.layout import DRILL, RESTORED, is_legacy_tag
from backup_core.repository.listing import BackupListing, BackupStatus
from backup_core.repository.manifest import Manifest
from backup_core.repository.protocol import Repository
from backup_core.restore.drill_results import drill_fields, parse_drill
from backup_core.restore.restored import parse_restored, result_fields
from backup_core.sizes import human_size
from daemon.commands.list import as_json, verified_json
from daemon.drill_pages import drill_lines
from daemon.invocation import Invocation
from daemon.output import Output
from daemon.repositories import answers
from daemon.restore_results import print_result


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What this verb takes."""
    parser.add_argument("table", metavar="TABLE", help="table, case-sensitive")
    parser.add_argument("tag", nargs="?", metavar="TAG", help="the newest complete backup if left out")
    parser.add_argument("--json", action="store_true", help="the whole manifest, for programs")


def run(invocation: Invocation) -> int:
    """Print what is known of one backup."""
    arguments = invocation.arguments
    repository, listing = find(invocation, arguments.table, arguments.tag)
    manifest = None if _has_no_manifest(listing) else repository.manifest(listing)
    restored = parse_restored(repository.read_note(listing, RESTORED))
    drilled = parse_drill(repository.read_note(listing, DRILL))
    if arguments.json:
        invocation.output.json(
            {
                **as_json(repository.name, listing),
                "manifest": manifest.model_dump(mode="json") if manifest else None,
                "restored": None if restored is None else result_fields(restored),
                "drill": None if drilled is None else drill_fields(drilled),
            }
        )
    else:
        _print(invocation.output, repository.name, listing, manifest)
        if restored is not None:
            invocation.output.data("")
            print_result(invocation.output, restored)
        if drilled is not None:
            invocation.output.data("")
            for line in drill_lines(drilled):
                invocation.output.data(line)
    return 0


def find(invocation: Invocation, table: str, tag: str | None) -> tuple[Repository, BackupListing]:
    """A backup in the first repository that has it.

    Raises:
        NotFoundError: none has; as the last one says it.
    """
    stored_in = invocation.repositories(SilentReporter())
    return next(answers(stored_in, lambda repository: repository.find(table, tag)))


def _has_no_manifest(listing: BackupListing) -> bool:
    return is_legacy_tag(listing.tag) or (listing.status is BackupStatus.DAMAGED and listing.id is None)


def _print(output: Output, repository: str, listing: BackupListing, manifest: Manifest | None) -> None:
    lines = {
        "table": listing.table,
        "table id": listing.id or "unknown",
        "tag": listing.tag,
        "repository": repository,
        "status": f"{listing.status}{f': {listing.problem}' if listing.problem else ''}",
        "location": listing.location,
        "snapshot": f"{listing.snapshot_at:%Y-%m-%d %H:%M:%S.%f} UTC",
        "size": f"{human_size(listing.size_bytes)} stored, "
        + (
            human_size(listing.plain_size_bytes) + " of data"
            if listing.plain_size_bytes is not None
            else "data unknown"
        ),
    }
    if listing.hold is not None:
        lines["hold"] = str(listing.hold)
    for kind, moment in verified_json(listing).items():
        lines[f"verified {kind}"] = moment or "no"
    if manifest is not None:
        lines |= _of_manifest(manifest)
    width = max(map(len, lines))
    for name, value in lines.items():
        output.data(f"{name.ljust(width)}  {value}")
    if manifest is not None:
        output.data("")
        output.table(
            ("object", "role", "size", "sha256"),
            [(o.name, o.role, human_size(o.stored_size_bytes), o.stored_sha256) for o in manifest.objects],
        )


def _of_manifest(manifest: Manifest) -> dict[str, str]:
    node, ring = manifest.node, manifest.ring
    return {
        "server": f"ScyllaDB {manifest.scylla_version or 'of unknown version'}",
        "node": f"{node.host_id} ({', '.join(node.addresses)})",
        "cluster": f"{node.cluster or 'unknown'}, {node.datacenter or 'unknown'}, {node.rack or 'unknown'}",
        "placement": {True: "tablets", False: "vnodes", None: "unknown"}[ring.tablets]
        + (f", {len(ring.ranges)} ranges" if ring.ranges is not None else ""),
        "files": f"{len(manifest.files)} in "
        + ("the archive" if manifest.mode == "archive" else f"{len(manifest.objects)} objects"),
    }
