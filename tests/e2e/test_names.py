"""Every name that Alternator takes is a name like any other: backed up, listed, shown, verified."""

import json

import pytest

from sandbox.node import Sandbox
from tests.conformance.dynamodb import client, indexed_table, simple_table
from tests.conftest import Cli


LONGEST = {"6.2": "n" * 222, "2026.1": "n" * 192}
NAMES = ("...", ".hidden", "Foo", "a.b", "foo", "foo-0123456789abcdef0123456789abcdef", "with-dash", "-dash.")
"""The last but two ends like the name of a table's directory."""


@pytest.mark.parametrize("node", LONGEST, indirect=True)
@pytest.mark.usefixtures("settings_file")
def test_any_name_is_backed_up_listed_shown_and_verified(node: Sandbox, cli: Cli) -> None:
    """Dots, dashes, the longest name, and two that differ in case only: each has a backup of its own data."""
    names = (*NAMES, LONGEST[node.catalog.version.name])
    dynamodb = client(node)
    for name in names:
        dynamodb.create_table(**(indexed_table(name) if len(name) < 150 else simple_table(name)))
        dynamodb.put_item(TableName=name, Item={"pk": {"S": name}, "sk": {"S": "b"}})

    backup = cli("backup", "--", *names)
    assert backup.returncode == 0, backup.stderr
    listed = {entry["table"]: entry for entry in json.loads(cli("list", "--json").stdout)}
    assert sorted(listed) == sorted(names)
    for name in names:
        assert listed[name]["table_id"] == node.catalog.tables[name].id.hex
        assert listed[name]["status"] == "complete"
    verify = cli("verify", "--deep")
    assert verify.returncode == 0
    assert verify.stdout.count(" ok ") == len(names)
    for name in ("-dash.", "..."):
        shown = json.loads(cli("show", "--json", "--", name).stdout)
        assert shown["manifest"]["table"]["name"] == shown["table"] == name
    assert not list(node.data_directory.glob("*/*/snapshots/*"))


@pytest.mark.parametrize(
    "arguments",
    [("backup", "-dash."), ("show", "-dash."), ("show", "-verify"), ("list", "-dash."), ("verify", "-dash.", "--deep")],
)
@pytest.mark.usefixtures("settings_file")
def test_a_leading_dash_needs_two_dashes_and_the_error_says_so(cli: Cli, arguments: tuple[str, ...]) -> None:
    """Without `--` a name that starts with a dash reads like an option: 2, and what to write instead."""
    result = cli(*arguments)
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert "A table name that starts with a dash goes after `--`." in line


@pytest.mark.parametrize("arguments", [("show",), ("show", "-qv"), ("settings", "-dash"), ("--sett", "list")])
def test_the_hint_on_dashes_stands_only_where_it_helps(cli: Cli, arguments: tuple[str, ...]) -> None:
    """Wrong usage that has nothing to do with a table's name says nothing of dashes."""
    result = cli(*arguments)
    assert result.returncode == 2
    assert "goes after" not in result.stderr


@pytest.mark.parametrize("arguments", [("list", "--js"), ("backup", "--al"), ("verify", "--dee")])
def test_options_are_never_guessed_from_their_beginnings(cli: Cli, arguments: tuple[str, ...]) -> None:
    """An option that is cut short is wrong usage: what a script says today means the same tomorrow."""
    result = cli(*arguments)
    assert result.returncode == 2
    assert f"unrecognized arguments: {arguments[1]}" in result.stderr


@pytest.mark.parametrize("arguments", [(), ("users", "--all")])
def test_wrong_usage_is_told_before_settings_are_looked_for(cli: Cli, arguments: tuple[str, ...]) -> None:
    """`backup` without a table, or with tables and `--all`, ends with 2 where there are no settings, too."""
    result = cli("backup", *arguments)
    assert (result.returncode, result.stderr) == (2, "alternator-backup backup: name tables, or say --all.\n")
