"""The commands of docs/restore.md, in the order of the page, as who reads it types them."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from sandbox.example_tables import EXAMPLE_TABLES, ExampleTables
from sandbox.node import Sandbox
from tests.conftest import COMMAND, TIMEOUT_SECONDS, clean_environment
from tests.documents import document, fenced
from tests.faults.harness import Station


TAG, LEGACY_TAG = "1733313018", "legacy-1733308200"
"""The page's."""

ITEMS = {"400 items", "400 in users_by_age", "400 in by_email"}
"""Of the example table `users`, as every restore of it counts them."""


def lines() -> list[str]:
    """Every command of the page, once, in its order."""
    blocks = fenced(document("docs/restore.md"), "bash")
    return list(dict.fromkeys(line for block in blocks for line in block.splitlines()))


@pytest.fixture
def station(node: Sandbox, tmp_path: Path) -> Station:
    """A node with the page's tables and backups: one of them with its tag, one as the predecessor left it."""
    tables = ExampleTables(node.alternator.url)
    for table in EXAMPLE_TABLES:
        if table.name in {"users", "empty_table"}:
            tables.make(table)
    tables.close()
    station = Station(node, tmp_path)
    station.back_up(tag=TAG)
    users = station.backups / "users"
    (users / LEGACY_TAG).mkdir()
    for pattern in ("*.tar.gz", "*.cql"):
        for path in (users / TAG).glob(pattern):
            shutil.copy2(path, users / LEGACY_TAG)
    return station


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_commands_work(station: Station) -> None:
    """Each command of the page ends with 0, one after the other; what comes back is proven, with every item."""
    printed: dict[str, str] = {}
    for line in lines():
        make_room(station, shlex.split(line))
        printed[line] = output(station, line)
    for line, text in printed.items():
        words = shlex.split(line)
        if "restore" in words and "--plan" in words:
            assert '"way": "load"' in text if "--json" in words else "Way: load;" in text
        elif "restore" in words:
            assert "s: proven.\n" in text
            assert counted(text)
    assert counted(printed[f"alternator-backup show users {TAG}"])
    assert "came back as it was, in a drill." in printed["alternator-backup drill users"]
    assert LEGACY_TAG in printed["alternator-backup list users"]
    assert "Restore by hand" in printed["cat /mnt/backup/scylla/users/latest/README.txt"]
    assert list((station.directory / "srv/users").glob("*-Data.db"))


def counted(text: str) -> bool:
    """Whether what a restore has printed counts every item of `users` in every place."""
    counts = [set(line.removeprefix("It has ").partition(";")[0].split(", ")) for line in text.splitlines()]
    return ITEMS in counts


def make_room(station: Station, words: list[str]) -> None:
    """Delete what a restore in place brings back, as has happened to the reader."""
    if "restore" in words and not {"--as", "--plan", "--replace"} & set(words):
        station.drop(*({"users", "empty_table"} if "--all" in words else {"users"}))


def output(station: Station, line: str) -> str:
    """What a command of the page prints; its paths and its time are the test's own."""
    line = re.sub(r"/mnt/backup/(scylla|node[123])", str(station.backups), line)
    line = line.replace("/srv/", f"{station.directory}/srv/").replace("--at 2024-", "--at 2999-")
    (station.directory / "srv").mkdir(exist_ok=True)
    ended = subprocess.run(
        ["bash", "-c", line],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        cwd=station.directory,
        env=clean_environment(station.directory)
        | {
            "PATH": os.pathsep.join((str(COMMAND.parent), os.environ["PATH"])),
            "ALTERNATOR_BACKUP_SETTINGS": str(station.settings),
        },
        check=False,
    )
    assert ended.returncode == 0, (line, ended.stdout, ended.stderr)
    return ended.stdout
