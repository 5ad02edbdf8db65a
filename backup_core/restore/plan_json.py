"""A plan for programs: what `restore --plan --json` prints."""

from dataclasses import asdict
from typing import Any

from backup_core.repository.timestamps import timestamp
from backup_core.restore.model import BackupSource, Replacement, RestorePlan
from backup_core.restore.planned_requests import requests


def as_json(plan: RestorePlan, replacement: Replacement | None = None) -> dict[str, Any]:
    """Everything that the plan says, with each request and each file; arguments as for `requests`."""
    return {
        "table": plan.definition.name,
        "target": plan.target,
        "way": plan.way.value,
        "coverage": plan.coverage,
        "sources": [_source(source) for source in plan.sources],
        "requests": [asdict(request) for request in requests(plan, replacement)],
        "differences": [asdict(difference) for difference in plan.differences],
        "warnings": list(plan.warnings),
    }


def _source(source: BackupSource) -> dict[str, Any]:
    listing, manifest = source.listing, source.manifest
    return {
        "repository": source.repository.name,
        "location": listing.location,
        "tag": listing.tag,
        "snapshot_at": timestamp(listing.snapshot_at),
        "status": listing.status.value,
        "host_id": manifest.node.host_id if manifest else None,
        "scylla_version": manifest.scylla_version if manifest else None,
        "manifest_sha256": listing.manifest_sha256,
        "size_bytes": listing.size_bytes,
        "archive": manifest.archive.name if manifest and manifest.mode == "archive" else None,
        "files": [{"name": file.name, "size_bytes": file.size_bytes} for file in manifest.files] if manifest else None,
    }
