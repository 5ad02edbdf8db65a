"""The predecessor's menu: typed, piped in, and as `baskup`."""

import re
import subprocess
from pathlib import Path

import pytest

from sandbox.faults import Fault
from sandbox.node import Sandbox
from tests.conftest import COMMAND, Cli, clean_environment
from tests.e2e.doctor import make_table
from tests.e2e.terminal import on_terminal


DEADLINE_SECONDS = 40
MENU = """\
============================================================
ScyllaDB Alternator Table Backup Tool
============================================================

Fetching list of all available tables...

Available tables (3 total):
  1. orders
  2. products
  3. users

Options:
1. Backup a specific table
2. Backup all tables
3. Exit

Enter your choice (1, 2, or 3): """

SUMMARY = """\
============================================================
Backup Summary:
  ✅ Successful: 3
  ❌ Failed: 0
  📊 Total: 3
============================================================
"""

SUMMARY_WITH_A_FAILURE = """\
============================================================
Backup Summary:
  ✅ Successful: 2
  ❌ Failed: 1
  📊 Total: 3

Failed tables:
  - orders
============================================================
"""


@pytest.fixture
def three_tables(node: Sandbox) -> Sandbox:
    """A node with the tables of the predecessor's README."""
    for name in ("users", "orders", "products"):
        make_table(node, name)
    return node


@pytest.mark.usefixtures("three_tables", "settings_file")
def test_choice_2_backs_up_all_tables(tmp_path: Path, cli: Cli) -> None:
    """The menu, the summary, and nothing more once the input has ended."""
    ended = cli("menu", stdin="2\n")

    assert ended.returncode == 0
    assert ended.stdout == MENU + "\n\nBacking up 3 tables...\n\n\n" + SUMMARY
    assert re.search(
        r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d - INFO - ===== Start backup process for users =====$",
        ended.stderr,
        re.MULTILINE,
    )
    assert {path.name for path in (tmp_path / "backups").iterdir()} >= {"users", "orders", "products"}


@pytest.mark.usefixtures("three_tables", "settings_file")
def test_choice_1_asks_for_a_table_and_backs_it_up(tmp_path: Path, cli: Cli) -> None:
    """Only that table."""
    ended = cli("menu", stdin="1\nusers\n")

    assert ended.returncode == 0
    assert ended.stdout == MENU + "\nEnter table name: \n\n\n✅ Backup completed successfully for users\n"
    assert (tmp_path / "backups" / "users" / "users_backup.tar.gz").is_file()
    assert not (tmp_path / "backups" / "orders").exists()


@pytest.mark.usefixtures("three_tables", "settings_file")
def test_a_table_that_is_not_there_is_refused_before_anything_is_done(tmp_path: Path, cli: Cli) -> None:
    """In the predecessor's words, with the name that comes close."""
    ended = cli("menu", stdin="1\nuser\n")

    assert ended.returncode == 10
    assert ended.stdout.endswith("\n❌ Table 'user' not found. Did you mean users?\n")
    assert not (tmp_path / "backups").exists()


@pytest.mark.usefixtures("three_tables", "settings_file")
def test_several_choices_are_done_in_their_order(cli: Cli) -> None:
    """What comes after a 3 isn't read; the exit code is that of everything that was done."""
    ended = cli("menu", stdin="1\nnobody\n9\n1\nusers\n3\n2\n")

    assert ended.returncode == 3
    found = [ended.stdout.index(text) for text in ("'nobody' not found", "Invalid choice", "successfully for users")]
    assert found == sorted(found)
    assert "Backing up 3 tables" not in ended.stdout


@pytest.mark.usefixtures("three_tables", "settings_file")
@pytest.mark.parametrize(("stdin", "exit_code"), [("3\n", 0), ("1\n", 0), ("\x00\n", 2)])
def test_leaving_without_a_choice_does_nothing(tmp_path: Path, cli: Cli, stdin: str, exit_code: int) -> None:
    """The end of the input leaves quietly; what is no choice is wrong usage, so that cron tells of it."""
    ended = cli("menu", stdin=stdin)

    assert (ended.returncode, ended.stderr) == (exit_code, "")
    assert ("❌ Invalid choice" in ended.stdout) == (exit_code == 2)
    assert not (tmp_path / "backups").exists()


@pytest.mark.usefixtures("three_tables")
def test_without_standard_input_it_leaves_quietly(settings_file: Path) -> None:
    """A closed standard input is an ended one."""
    ended = subprocess.run(
        ["/bin/sh", "-c", f"exec '{COMMAND}' menu <&-"],
        capture_output=True,
        text=True,
        env=_named(settings_file),
        timeout=DEADLINE_SECONDS,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.usefixtures("settings_file")
def test_a_table_that_fails_is_named_in_the_summary(three_tables: Sandbox, cli: Cli) -> None:
    """The others are backed up, and the exit code says that some are missing."""
    error = (500, "std::runtime_error (disk on fire)")
    three_tables.faults.set("rest POST /storage_service/snapshots", Fault("error", error), containing="orders")

    ended = cli("menu", stdin="2\n")

    assert ended.returncode == 3
    assert ended.stdout.endswith(SUMMARY_WITH_A_FAILURE)
    assert re.search(r"- ERROR - .*disk on fire", ended.stderr)


@pytest.mark.usefixtures("settings_file")
def test_a_single_table_that_fails_says_so(three_tables: Sandbox, cli: Cli) -> None:
    """With the exit code of what went wrong."""
    error = (500, "std::runtime_error (disk on fire)")
    three_tables.faults.set("rest POST /storage_service/snapshots", Fault("error", error))

    ended = cli("menu", stdin="1\nusers\n")

    assert ended.returncode == 69
    assert ended.stdout.endswith("\n❌ Backup failed for users\n")


@pytest.mark.usefixtures("node", "settings_file")
def test_a_node_without_tables_says_so(cli: Cli) -> None:
    """As the predecessor did."""
    ended = cli("menu", stdin="2\n")

    assert ended.returncode == 10
    assert ended.stdout.endswith("\nNo tables found.\n")


@pytest.mark.usefixtures("settings_file")
def test_a_node_that_is_down_is_one_line(node: Sandbox, cli: Cli) -> None:
    """Not an empty list of tables, as it was with the predecessor."""
    node.alternator.stop()

    ended = cli("menu", stdin="2\n")

    assert ended.returncode == 75
    assert re.fullmatch(r"ERROR - Alternator at .*can't be reached.*\n", ended.stderr)
    assert "No tables found" not in ended.stdout


def test_on_a_terminal_it_asks_again_until_it_is_left(three_tables: Sandbox, settings_file: Path) -> None:
    """Choices are typed; the menu comes back after each."""
    assert three_tables.catalog.tables
    with on_terminal([str(COMMAND), "menu"], _named(settings_file)) as terminal:
        terminal.answer("(1, 2, or 3): ", "7")
        terminal.answer("Invalid choice", "")
        terminal.answer("(1, 2, or 3): ", "1")
        terminal.answer("Enter table name: ", "users")
        terminal.wait_for("✅ Backup completed successfully for users")
        terminal.answer("(1, 2, or 3): ", "3")

        assert terminal.wait() == 0


def test_ctrl_c_at_a_question_ends_it(three_tables: Sandbox, settings_file: Path) -> None:
    """In the predecessor's words, with the shell's exit code for it."""
    assert three_tables.catalog.tables
    with on_terminal([str(COMMAND), "menu"], _named(settings_file)) as terminal:
        terminal.answer("(1, 2, or 3): ", "\x03", end="")

        terminal.wait_for("\r\nBackup process interrupted by user.")
        assert terminal.wait() == 130


def test_ctrl_c_while_a_snapshot_is_taken_ends_it(three_tables: Sandbox, settings_file: Path, cli: Cli) -> None:
    """No backup is made, and a snapshot that came too late to be cleared at once is cleared by the next run."""
    three_tables.faults.set("rest POST /storage_service/snapshots", Fault("late", seconds=0.3))
    with on_terminal([str(COMMAND), "menu"], _named(settings_file)) as terminal:
        terminal.answer("(1, 2, or 3): ", "2")
        terminal.answer("Taking snapshot", "\x03", end="")

        terminal.wait_for("\r\nBackup process interrupted by user.")
        assert terminal.wait() == 130
    assert not [*(settings_file.parent / "backups").glob("*/*")]
    assert cli("backup", "users").returncode == 0
    assert not [*three_tables.data_directory.glob("*/*/snapshots/*")]


@pytest.mark.usefixtures("three_tables")
def test_baskup_needs_no_settings_file(node: Sandbox, tmp_path: Path) -> None:
    """Backups, the log file in the predecessor's format and nothing else appear in the current directory."""
    directory = tmp_path / "here"
    directory.mkdir()

    ended = _baskup(directory, _environment(node, tmp_path), "2\n")

    assert (ended.returncode, ended.stdout) == (0, MENU + "\n\nBacking up 3 tables...\n\n\n" + SUMMARY)
    assert sorted(path.name for path in directory.iterdir()) == ["alternator_backup.log", "backups"]
    assert (directory / "backups" / "users" / "users_backup.tar.gz").is_file()
    log = (directory / "alternator_backup.log").read_text()
    assert log.splitlines() == ended.stderr.splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d - INFO - ", line) for line in log.splitlines())


def test_baskup_takes_alternators_key_from_aws_variables(tmp_path: Path) -> None:
    """As the predecessor's users had it; nothing but baskup does that."""
    with Sandbox(directory=tmp_path / "node", authorization=True) as node:
        secret = node.catalog.roles["cassandra"].salted_hash
        environment = _environment(node, tmp_path)
        aws = {"AWS_ACCESS_KEY_ID": "cassandra", "AWS_SECRET_ACCESS_KEY": secret}

        let_in = _baskup(tmp_path, environment | aws, "2\n")
        not_let_in = _baskup(tmp_path, environment, "2\n")

    assert let_in.stdout.endswith("\nNo tables found.\n")
    assert (let_in.returncode, not_let_in.returncode) == (10, 77)


@pytest.mark.usefixtures("three_tables")
def test_baskup_takes_settings_that_are_named(settings_file: Path, tmp_path: Path) -> None:
    """Then these count, and none of the predecessor's values."""
    directory = tmp_path / "here"
    directory.mkdir()

    ended = _baskup(directory, clean_environment(tmp_path), "1\nusers\n", "--settings", str(settings_file))

    assert ended.returncode == 0
    assert not [*directory.iterdir()]
    assert (tmp_path / "backups" / "users").is_dir()


def _environment(node: Sandbox, tmp_path: Path) -> dict[str, str]:
    """What tells baskup that the node isn't at the usual ports, nor the state at the usual place."""
    return clean_environment(tmp_path) | {
        "ALTERNATOR_BACKUP_ALTERNATOR__ENDPOINT": node.alternator.url,
        "ALTERNATOR_BACKUP_CQL__PORT": str(node.cql.port),
        "ALTERNATOR_BACKUP_NODE__API_URL": node.api.url,
        "ALTERNATOR_BACKUP_STATE__DIRECTORY": str(tmp_path / "state"),
        "ALTERNATOR_BACKUP_LIMITS__MIN_FREE_SPACE": "0",
    }


def _named(settings_file: Path) -> dict[str, str]:
    return clean_environment(settings_file.parent) | {"ALTERNATOR_BACKUP_SETTINGS": str(settings_file)}


def _baskup(
    directory: Path, environment: dict[str, str], stdin: str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND.with_name("baskup"), *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=directory,
        env=environment,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
