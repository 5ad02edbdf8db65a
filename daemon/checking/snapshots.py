"""Snapshots that nobody clears: they pin files that the node has long compacted away, and fill the disk.

The data directories are looked at, since the node's own list hides tables whose names start with a dot.
"""

import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from backup_core.model import KEYSPACE_PREFIX
from backup_core.sizes import human_size
from backup_core.source_errors import source_errors
from daemon.checking.data import SNAPSHOTS
from daemon.checking.examination import Examination
from daemon.checking.finding import Finding, not_looked_at, ok, warning
from daemon.monitoring.held_bytes import held_bytes


if TYPE_CHECKING:
    from backup_core.errors import BackupError


KINDS = {
    "pre-drop": (re.compile(r"pre-drop-\d+"), "left by dropping tables (auto_snapshot)"),
    "backup": (re.compile(r"\d+"), "of some backup, but of none in our journal: the predecessor never cleared its own"),
}


@dataclass(frozen=True, slots=True)
class StaleSnapshots:
    """Snapshots of one kind of one keyspace.

    Attributes:
        kind: a key of `KINDS`.
        frees_bytes: size of the files that only they hold.
    """

    keyspace: str
    kind: str
    tags: tuple[str, ...]
    frees_bytes: int


def snapshots(examination: Examination) -> Iterator[Finding]:
    """Which snapshots were left behind, by runs of ours and by others?"""
    if examination.directories.error is not None:
        yield not_looked_at("snapshots", examination.directories.error)
        return
    found = sorted(_on_disk(examination.directories.get()))
    # Read after the disk: what a run takes meanwhile isn't found, what one has cleared meanwhile is gone by now.
    broken: list[BackupError] = []
    entries = examination.journal.entries(broken.append)
    ours = {(entry.keyspace, entry.tag) for entry, _ in entries}
    findings = [
        warning(
            "snapshots",
            f"Snapshot {entry.tag} of {entry.table_name} was left by a run that is dead.",
            "Nothing is to be done: the next run clears it.",
        )
        for entry, alive in entries
        if not alive
    ]
    findings += [warning("snapshots", error.message, error.hint) for error in broken]
    others = [path for path in found if (path.parents[2].name, path.name) not in ours and path.exists()]
    findings += [_left_behind(examination, stale) for stale in _grouped(others)]
    yield from findings or [ok("snapshots", "none left behind.")]


def _on_disk(directories: Iterable[Path]) -> Iterator[Path]:
    """Directories of all snapshots of Alternator tables: `<keyspace>/<table>-<id>/snapshots/<tag>`."""
    for directory in directories:
        with source_errors(directory):
            for keyspace in directory.iterdir():
                if keyspace.name.startswith(KEYSPACE_PREFIX):
                    for table in keyspace.iterdir():
                        if (table / SNAPSHOTS).is_dir():
                            yield from (table / SNAPSHOTS).iterdir()


def _grouped(paths: Iterable[Path]) -> Iterator[StaleSnapshots]:
    groups: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for path in paths:
        for kind, (pattern, _) in KINDS.items():
            if pattern.fullmatch(path.name):
                groups[path.parents[2].name, kind].append(path)
    for (keyspace, kind), members in sorted(groups.items()):
        tags = tuple(sorted({path.name for path in members}))
        yield StaleSnapshots(keyspace, kind, tags, held_bytes(members))


def _left_behind(examination: Examination, stale: StaleSnapshots) -> Finding:
    newest = f", {stale.tags[-1]} the newest" if len(stale.tags) > 1 else f": {stale.tags[0]}"
    return warning(
        "snapshots",
        f"{stale.keyspace} has {len(stale.tags)} snapshot(s) {KINDS[stale.kind][1]}{newest}; "
        f"{human_size(stale.frees_bytes)} that only they hold.",
        f"If nobody needs them: {_clear_command(examination, stale)}",
    )


def _clear_command(examination: Examination, stale: StaleSnapshots) -> str:
    """Nodetool refuses a keyspace that is gone; the REST API doesn't."""
    known = examination.tables.error is None
    gone = known and stale.keyspace not in {keyspace for keyspace, _ in examination.tables.get()}
    tag = stale.tags[0] if len(stale.tags) == 1 else "$tag"
    if gone:
        query = urlencode({"kn": stale.keyspace})
        url = f"{examination.settings.node.api_url}/storage_service/snapshots?{query}&tag={tag}"
        command = f'curl -X DELETE "{url}"'
    else:
        command = f"nodetool clearsnapshot -t {tag} {shlex.quote(stale.keyspace)}"
    if len(stale.tags) == 1:
        return command
    return f"for tag in {' '.join(stale.tags)}; do {command}; done"
