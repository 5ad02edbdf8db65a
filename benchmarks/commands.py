"""How long the installed command takes to answer, with a repository of many backups to look through."""

import json
import os
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from report import Goal, print_heading, print_row

from backup_core.archive import ArchiveFormat, write_archive
from backup_core.cancel import CancelToken
from backup_core.clock import SystemClock
from backup_core.events import SilentReporter
from backup_core.model import NodeFacts, Placement, Snapshot, SourceFile, SSTable, Table, TableSchema
from backup_core.repository.archiving import publish_staged, stage
from backup_core.repository.local import LocalRepository
from backup_core.repository.recording import BackupFacts
from backup_core.repository.summary import Verified


COMMAND = Path(sys.executable).with_name("alternator-backup")
HOST_ID = "6d2a9f0c-3c3c-4f0e-8f57-0f3c1e6a9b11"
FIRST_TAG = 1733313018
BACKUPS_PER_TABLE = 20
MOST_SECONDS_OF_HELP = 0.3
MOST_SECONDS_OF_LIST = 0.5


def measure_commands(backups: int, times: int, work: Path) -> None:
    """Print medians of how long `--help` and `list` take, as whole processes."""
    repository = work / "repository"
    publish_backups(repository, backups, work)
    settings = work / "settings.toml"
    settings.write_text(f'[repository.local]\npath = "{repository}"\nallow_same_disk = true\n')
    print_heading(f"the command, {times} times", theirs="", ratio="")
    _measure(["--help"], settings, times, Goal(MOST_SECONDS_OF_HELP), "alternator-backup --help")
    _measure(["list"], settings, times, Goal(MOST_SECONDS_OF_LIST), f"list of {backups} backups")


def publish_backups(path: Path, count: int, work: Path) -> None:
    """Fill a repository with backups of small tables, each published as a run does it."""
    repository = LocalRepository(
        "local", path, archive_format=ArchiveFormat.TAR_GZ, reporter=SilentReporter(), clock=SystemClock()
    )
    repository.open(HOST_ID, "Benchmark")
    data = work / "data" / "alternator_table" / "table-0" / "snapshots" / str(FIRST_TAG)
    data.mkdir(parents=True)
    (data / "me-1-big-Data.db").write_bytes(b"rows" * 100)
    for number in range(count):
        table = Table(f"table_{number // BACKUPS_PER_TABLE}", f"{number // BACKUPS_PER_TABLE:032x}")
        _publish(repository, table, FIRST_TAG + number, data)


def _publish(repository: LocalRepository, table: Table, tag: int, data: Path) -> None:
    taken_at = datetime.fromtimestamp(tag, UTC)
    files = tuple(SourceFile(path.name, path.stat().st_size) for path in data.iterdir())
    snapshot = Snapshot(table, str(tag), data, (SSTable("me-1-big", files),), (), taken_at, taken_at)
    description = {"table": {"TableName": table.name, "KeySchema": [], "AttributeDefinitions": []}, "tags": []}
    with stage(repository.path, table, snapshot.tag, repository.archive_format) as staging:
        (staging.directory / "table_schema.cql").write_text("CREATE TABLE ...;")
        (staging.directory / "alternator_schema.json").write_text(json.dumps(description))
        archive = write_archive(
            snapshot,
            staging.archive,
            archive_format=repository.archive_format,
            on_progress=lambda _: None,
            cancel=CancelToken(),
        )
        facts = BackupFacts(
            schema=TableSchema(table, "CREATE TABLE ...;", (), description),
            snapshot=snapshot,
            archive=archive,
            node=NodeFacts(HOST_ID),
            placement=Placement(),
            nominal_at=taken_at,
            run_started_at=taken_at,
            verified=Verified(structure=taken_at, digest=taken_at),
        )
        publish_staged(repository.path, staging, facts, taken_at, repository=repository.name, reporter=SilentReporter())


def _measure(arguments: list[str], settings: Path, times: int, goal: Goal, what: str) -> None:
    environment = os.environ | {"ALTERNATOR_BACKUP_SETTINGS": str(settings)}
    seconds = []
    for _ in range(times):
        begin = time.perf_counter()
        subprocess.run([COMMAND, *arguments], check=True, stdout=subprocess.DEVNULL, env=environment)
        seconds.append(time.perf_counter() - begin)
    median = statistics.median(seconds)
    print_row(what, f"{median:.3f} s", goal=goal.verdict(median))
