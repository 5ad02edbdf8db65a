"""What each event of the core reads like, in the predecessor's words where it had some."""

from collections.abc import Mapping
from typing import Any

from backup_core import events
from backup_core.sizes import human_size


SENTENCES: Mapping[str, tuple[str, ...]] = {
    events.RUN_STARTED: ("Run over {tables} table(s)",),
    events.RUN_FINISHED: ("Run {tag} finished: {succeeded} succeeded, {failed} failed, {duration_seconds:.1f} s",),
    events.RUN_SERIALIZED: ("Too little free space for all tables at a time: one after the other",),
    events.TABLE_STARTED: ("===== Start backup process for {table} =====",),
    events.TABLE_IDENTIFIED: ("Table ID for {table}: {table_id}",),
    events.SCHEMA_EXTRACTED: (
        "Successfully retrieved DESC TABLE output ({characters} characters)",
        "✓ Table schema extracted: {ddl_characters} characters",
        "✓ Materialized views found: {views}",
    ),
    events.SCHEMA_FILE_WRITTEN: ("✓ {what} saved to: {path}",),
    events.SNAPSHOT_REQUESTED: ("Taking snapshot for {keyspace}",),
    events.SNAPSHOT_TAKEN: ("Snapshot created for {table} with ID: {tag}",),
    events.SNAPSHOT_VERIFIED: ("Snapshot directory verified: {directory}/ ({files} files, {size})",),
    events.SNAPSHOT_CLEARED: ("Snapshot {tag} of {table} cleared",),
    events.SNAPSHOT_CLEAR_FAILED: (
        "Snapshot {tag} of {table} could not be cleared now, the next run tries again: {error}",
    ),
    events.SNAPSHOT_LATE: ("Snapshot {tag} of {table} came late: {error}",),
    events.JOURNAL_ENTRY_BROKEN: ("Broken entry in the journal of snapshots: {error}",),
    events.ARCHIVE_STARTED: ("Creating backup archive: {path}",),
    events.ARCHIVE_WRITTEN: ("Archive written: {path} ({size})",),
    events.OBJECTS_PLANNED: ("Of {table}, {stored} object(s) are in {repository} already, {missing} have to be sent",),
    events.BACKUP_PUBLISHED: ("Backup created at {path} ({size})",),
    events.TABLE_FINISHED: ("===== Backup completed for {table} =====",),
    events.DEBRIS_REMOVED: ("Removed what an interrupted run had left in repository {repository}: {directory}",),
    events.STORAGE_RETRIED: ("Failed attempt {attempt} to {operation}, again in {delay_seconds:.1f} s: {error}",),
    events.BACKUP_REMOVED: ("Removed backup {table}/{tag} from {repository} ({size}): {reason}",),
    events.OBJECTS_REMOVED: ("Removed {objects} object(s) of {table} ({size}) that no backup in {repository} needs",),
    events.BACKUPS_VANISHED: ("Somebody else has removed backups of {table} from {repository}: {tags}",),
    events.SWEEP_POSTPONED: ("What no backup of {table} in {repository} needs is removed another time: {reason}",),
    events.COPY_STARTED: ("Copying {table}/{tag} from {source} to {repository} ({size})",),
    events.COPY_LEFT_OUT: ("Not copied: {reason}",),
    events.COPY_SPOOL_REMOVED: ("Removed what an interrupted copy had unpacked: {directory}",),
    events.BACKUP_COPIED: ("Backup copied to {path} ({size})",),
    events.BACKUP_HELD: ("Backup {table}/{tag} in {repository} is {hold}",),
    events.BACKUP_RELEASED: ("Backup {table}/{tag} in {repository} is no longer {hold}",),
    events.RESTORE_STARTED: ("===== Start restore of {source} as {table} =====",),
    events.RESTORE_STAGING_REMOVED: ("Removed what an interrupted restore had staged: {directory}",),
    events.RESTORE_CHECKED: ("Every byte checked: {path} ({size})",),
    events.RESTORE_STAGED: ("Every byte checked, files staged in {directory} ({size})",),
    events.RESTORE_LOAD_WAITING: ("Waiting until the node has loaded something else: {error}",),
    events.RESTORE_BATCH_LOADED: ("Batch {batch} of {batches} loaded into {table}: {sstables} SSTable(s), {size}",),
    events.RESTORE_BATCH_FAILED: ("A batch could not be loaded into {table} (attempt {attempt}): {error}",),
    events.RESTORE_RESUMED: ("Table {table} ({table_id}) was begun by an interrupted restore: going on with it",),
    events.RESTORE_TABLE_CREATED: ("Table {table} created with ID: {table_id}",),
    events.RESTORE_TABLE_DELETED: ("Table {table} ({table_id}) deleted",),
    events.RESTORE_ITEMS_COUNTED: ("Table {table} holds {items} items",),
    events.RESTORE_INDEX_FILLING: ("Index {index} of {table} holds {items} of {expected_items} items",),
    events.RESTORE_GRANT_LEFT: ("Not granted: {statement}: {error}",),
    events.RESTORE_PROVEN: ("Table {table} is what the backup says: {compared} things compared",),
    events.RESTORE_UNPROVEN: ("Table {table} isn't what the backup says: {differing}",),
    events.RESTORE_UNRECORDED: ("What came of the restore could not be written to {path}: {error}",),
    events.RESTORE_FINISHED: ("===== Restore completed for {table}: {items} items, {duration_seconds:.1f} s =====",),
    events.RESTORE_ITEMS_COPIED: ("Copied {items} items into {table}, {segments_done} of {segments} segments done",),
    events.RESTORE_COPY_RETRIED: ("Copying into {table} goes on in {delay_seconds:.1f} s: {error}",),
    events.RESTORE_SCRATCH_DROPPED: ("Dropped scratch table {table}, which an interrupted restore had left",),
    events.RESTORE_SCRATCH_LEFT: ("A scratch table may be left, the next drill clears it: {error}",),
    events.RESTORE_FORGOTTEN: ("Forgot the unfinished restore of {source}/{tag} as {table}, which is deleted",),
    events.RESTORE_NOT_FORGOTTEN: ("Could not look for unfinished restores of deleted tables: {error}",),
    events.DRILL_STARTED: ("===== Start drill of {table}/{tag} as {scratch} =====",),
    events.DRILL_PASSED: ("===== Drill of {table}/{tag} passed: {items} items in {restore_seconds:.1f} s =====",),
    events.DRILL_SAMPLE_DIFFERS: (
        "No compared item of {table}/{tag} is as in the live table: {changed} differ, {missing} are not there",
    ),
    events.DRILL_REQUESTED: ("Asked for a drill of {table}, for schedule {schedule}",),
    events.STEP_STARTED: (),
    events.STEP_FINISHED: (),
    events.LEGACY_ADOPTED: ("Moved the predecessor's backup of {table} out of the way; it is listed as {tag}",),
    events.HISTORY_SET_ASIDE: ("The history {path} was broken ({error}): it is {set_aside} now",),
    events.HISTORY_REBUILT: ("Rebuilt the history from the repositories: {runs} run(s), {tables} table(s)",),
    events.HISTORY_FAILED: ("The history {path} can't be used now, backups go on without it: {error}",),
}


def sentences(name: str, fields: Mapping[str, Any]) -> tuple[str, ...]:
    """The lines that tell an event; sizes are told as people read them."""
    templates = SENTENCES.get(name)
    if templates is None:
        return (f"{name} " + " ".join(f"{key}={value}" for key, value in fields.items()),)
    values = {**fields, "size": human_size(fields.get("size_bytes", 0))}
    return tuple(template.format_map(values) for template in templates)
