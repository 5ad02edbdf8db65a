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


@pytest.mark.usefixtures("settings_file")
def test_a_leading_dash_needs_two_dashes_and_the_error_says_so(cli: Cli) -> None:
    """Without `--` a name that starts with a dash reads like an option: 2, and what to write instead."""
    result = cli("backup", "-dash.")
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert "-dash." in line
    assert "A table name that starts with a dash goes after `--`." in line
