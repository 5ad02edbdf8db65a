"""Writes what makes staged files a backup: README.txt, SHA256SUMS, summary.json, and manifest.json last."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from backup_core.durable import sync_directory, sync_file, write_file
from backup_core.errors import IntegrityError
from backup_core.repository import layout
from backup_core.repository.manifest import Manifest, StoredObject, summarize
from backup_core.repository.readme import render_readme
from backup_core.repository.recording import (
    BackupFacts,
    archive_contents,
    build_manifest,
    stored_file,
    stored_objects,
)
from backup_core.repository.staging import Staging
from backup_core.repository.summary import Summary


def complete(staging: Staging, facts: BackupFacts, finished_at: datetime) -> Summary:
    """Write what makes the staged files a backup, the manifest last, and bring all of it to the disk.

    Raises:
        IntegrityError: if the staged archive isn't the one of the facts.
        BackupError: as the operating system refuses.
    """
    snapshot, directory = facts.snapshot, staging.directory
    if (snapshot.table, snapshot.tag, facts.archive.name) != (staging.table, staging.tag, staging.archive.name):
        raise IntegrityError(f"{directory} was made for {staging.table.name}/{staging.tag}, and for no other snapshot")
    write_file(directory / layout.README, render_readme(facts).encode())
    objects = stored_objects(facts.archive, directory)
    for stored in objects:
        sync_file(directory / stored.name)
    write_file(directory / layout.CHECKSUMS, _checksums(objects))
    contents = archive_contents(facts.archive, (*objects, stored_file(directory / layout.CHECKSUMS)))
    return seal(directory, build_manifest(facts, contents, finished_at))


def seal(directory: Path, manifest: Manifest) -> Summary:
    """Write summary and manifest of a backup whose files are all in a directory, and on the disk.

    Raises:
        BackupError: as the operating system refuses.
    """
    content = manifest.to_json()
    summary = summarize(manifest, content)
    write_file(directory / layout.SUMMARY, summary.to_json())
    write_file(directory / layout.MANIFEST, content)
    sync_directory(directory)
    return summary


def _checksums(objects: Iterable[StoredObject]) -> bytes:
    """As `sha256sum` writes them; names of tables need none of its escapes."""
    lines = sorted((stored.name, stored.stored_sha256) for stored in objects)
    return "".join(f"{sha256}  {name}\n" for name, sha256 in lines).encode()
