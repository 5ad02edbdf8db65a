"""Is the snapshot whole? Its manifest, the SSTables that it names, and every component of each."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from backup_core.errors import SourceError
from backup_core.model import Snapshot, SourceFile, SSTable
from backup_core.snapshot import MANIFEST_NAME
from backup_core.source_errors import source_errors
from backup_core.sstable_files import TOC, parse_digest, wrong_components


_HINT = "The next run takes a new snapshot; if it stays, look for I/O errors in the node's log."


def verify_snapshot(snapshot: Snapshot) -> Snapshot:
    """Check a snapshot's structure against what the node says of it.

    Args:
        snapshot: as `take_snapshot` returned it.

    Returns:
        The same, with the CRC-32 that each `Data.db` has to have: the archive step compares it while it reads.

    Raises:
        SourceError: the manifest is missing or unreadable, or an SSTable or one of its components is missing.
        PermissionDeniedError: something in it can't be read.
    """
    named = _sstables_named_by(snapshot)
    present = {sstable.prefix for sstable in snapshot.sstables}
    for prefix in sorted(named - present):
        raise _wrong(snapshot, f"lacks SSTable {prefix}, which its manifest names")
    for prefix in sorted(present - named):
        raise _wrong(snapshot, f"has SSTable {prefix}, which its manifest doesn't name")
    return replace(snapshot, sstables=tuple(_verified(snapshot, sstable) for sstable in snapshot.sstables))


def _sstables_named_by(snapshot: Snapshot) -> set[str]:
    """Prefixes of all SSTables that manifest.json names, in the format up to 2025.4 or the one from 2026.1 on."""
    path = snapshot.directory / MANIFEST_NAME
    if not path.exists():
        raise SourceError(f"Snapshot {snapshot.tag} isn't finished: {path} is missing.", hint=_HINT)
    try:
        manifest = json.loads(_read(path))
        if "files" in manifest:
            return {_prefix(name, "-Data.db") for name in manifest["files"]}
        _check_table_id(snapshot, manifest)
        return {_prefix(sstable["toc_name"], "-TOC.txt") for sstable in manifest.get("sstables", ())}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(f"{path} is no manifest of a snapshot: {error}", hint=_HINT) from error


def _prefix(name: str, suffix: str) -> str:
    if not name.endswith(suffix):
        raise ValueError(f"{name!r} is no name of a *{suffix}")
    return name.removesuffix(suffix)


def _check_table_id(snapshot: Snapshot, manifest: Mapping[str, Mapping[str, str]]) -> None:
    table_id = uuid.UUID(manifest["table"]["table_id"]).hex
    if table_id != snapshot.table.id:
        raise SourceError(
            f"Snapshot {snapshot.tag} of '{snapshot.table.name}' is of table id {table_id}, not {snapshot.table.id}."
        )


def _verified(snapshot: Snapshot, sstable: SSTable) -> SSTable:
    present = {file.name.removeprefix(f"{sstable.prefix}-") for file in sstable.components}
    listed = set(_read(snapshot.directory / f"{sstable.prefix}-{TOC}").split()) if TOC in present else set()
    if wrong := wrong_components(sstable.prefix, listed, present):
        raise _wrong(snapshot, wrong)
    crc32 = _digest(snapshot.directory / f"{sstable.prefix}-Digest.crc32")
    data_name = f"{sstable.prefix}-Data.db"
    return replace(
        sstable,
        components=tuple(
            SourceFile(file.name, file.size_bytes, crc32) if file.name == data_name else file
            for file in sstable.components
        ),
    )


def _digest(path: Path) -> int:
    try:
        return parse_digest(_read(path))
    except ValueError as error:
        raise SourceError(f"{path}: {error}.", hint=_HINT) from error


def _wrong(snapshot: Snapshot, what: str) -> SourceError:
    return SourceError(f"Snapshot {snapshot.tag} of '{snapshot.table.name}' {what}.", hint=_HINT)


def _read(path: Path) -> str:
    with source_errors(path):
        return path.read_text(encoding="utf-8", errors="replace")
