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
        raise SourceError(
            f"Snapshot {snapshot.tag} of '{snapshot.table.name}' lacks SSTable {prefix}, which its manifest names.",
            hint=_HINT,
        )
    return replace(snapshot, sstables=tuple(_verified(snapshot, sstable) for sstable in snapshot.sstables))


def _sstables_named_by(snapshot: Snapshot) -> set[str]:
    """Prefixes of all SSTables that manifest.json names, in the format up to 2025.4 or the one from 2026.1 on."""
    path = snapshot.directory / MANIFEST_NAME
    if not path.exists():
        raise SourceError(f"Snapshot {snapshot.tag} isn't finished: {path} is missing.", hint=_HINT)
    try:
        manifest = json.loads(_read(path))
        if "files" in manifest:
            return {name.removesuffix("-Data.db") for name in manifest["files"]}
        _check_table_id(snapshot, manifest)
        return {sstable["toc_name"].removesuffix("-TOC.txt") for sstable in manifest.get("sstables", ())}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(f"{path} is no manifest of a snapshot: {error}", hint=_HINT) from error


def _check_table_id(snapshot: Snapshot, manifest: Mapping[str, Mapping[str, str]]) -> None:
    table_id = uuid.UUID(manifest["table"]["table_id"]).hex
    if table_id != snapshot.table.id:
        raise SourceError(
            f"Snapshot {snapshot.tag} of '{snapshot.table.name}' is of table id {table_id}, not {snapshot.table.id}."
        )


def _verified(snapshot: Snapshot, sstable: SSTable) -> SSTable:
    present = {file.name for file in sstable.components}
    toc_name = f"{sstable.prefix}-TOC.txt"
    if toc_name not in present:
        raise _missing(snapshot, toc_name)
    components = _read(snapshot.directory / toc_name).split()
    for component in components:
        if f"{sstable.prefix}-{component}" not in present:
            raise _missing(snapshot, f"{sstable.prefix}-{component}")
    if "Digest.crc32" not in components:
        return sstable
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
    """CRC-32 of the whole Data.db as decimal text (sstables/sstables.cc; recorded)."""
    text = _read(path).strip()
    if not text.isdecimal():
        raise SourceError(f"{path} holds {text[:20]!r}, which is no CRC-32.", hint=_HINT)
    return int(text)


def _missing(snapshot: Snapshot, name: str) -> SourceError:
    return SourceError(
        f"Snapshot {snapshot.tag} of '{snapshot.table.name}' lacks {name}, which belongs to an SSTable.", hint=_HINT
    )


def _read(path: Path) -> str:
    with source_errors(path):
        return path.read_text(encoding="utf-8", errors="replace")
