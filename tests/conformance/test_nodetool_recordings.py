"""The sandbox's nodetool prints and exits like the recorded native one."""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.node import Sandbox
from tests.conformance.replay import VERSIONS, alternator, create_table, load, recorded_life
from tests.nodetool import nodetool_command


Finished = subprocess.CompletedProcess[str]

RECORDING = [
    entry for entry in load("6.2", "nodetool.json") if entry["command"].split()[1] not in {"status", "info", "nonsense"}
]
"""All that the sandbox's has; what it says of other operations differs, since it has fewer."""


OWN_ROWS = 6
"""Two tables with two indexes each."""


@pytest.fixture
def life() -> Iterator[Sandbox]:
    """A sandbox with the recorded node's tables."""
    with recorded_life("6.2") as sandbox:
        yield sandbox


def nodetool(sandbox: Sandbox, *arguments: str) -> Finished:
    """Call it for a sandbox node."""
    command = [*nodetool_command(sandbox), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


def said(entry: dict[str, Any]) -> tuple[int, str, str]:
    """Exit code and output of a recording."""
    return entry["exit"], entry["stdout"], entry["stderr"]


def given(sandbox: Sandbox, finished: Finished) -> tuple[int, str, str]:
    """The same of a call, with the recorded node's port."""
    stderr = finished.stderr.replace(f":{sandbox.api.port}/", ":10000/")
    return finished.returncode, finished.stdout, stderr


def test_calls_are_answered_as_recorded(life: Sandbox) -> None:
    """Each recorded call, made in order, ends with the same exit code and the same words."""
    for entry in RECORDING:
        if entry["command"].endswith("(node down)"):
            life.api.stop()
        call = shlex.split(entry["command"].removesuffix("(node down)"))
        finished = nodetool(life, *call[1:])
        if entry["command"] == "nodetool listsnapshots":
            assert listed(finished.stdout) == listed(entry["stdout"])
        else:
            assert given(life, finished) == said(entry), entry["command"]


def listed(text: str) -> tuple[list[str], set[tuple[str, ...]], str]:
    """Of a list of snapshots: title and column names, the rows of the recorded calls' own tags, the line of the sum.

    Sizes only by their form: the recorded node's items aren't known.
    """
    title, header, *rows, _, total, last = text.removesuffix("\n").split("\n")
    starts = [match.start() for match in re.finditer("Snapshot|Keyspace|Column|True|Size on", header)]
    ends = [*starts[1:], len(header)]
    assert last == ""
    assert {len(row) for row in rows} == {len(header)}
    cells = [[row[start:end].strip() for start, end in zip(starts, ends, strict=True)] for row in rows]
    own = {(*row[:3], *map(form, row[3:])) for row in cells if row[0] in {"1733400001", "1733400003"}}
    assert len(own) == OWN_ROWS
    return [title, *header.split()], own, form(total)


def form(text: str) -> str:
    """A text with its number and the unit of that left out."""
    return re.sub(r"[\d.]+ (bytes|[KMGT]i?B)$", "<size>", text)


def test_an_unknown_operation_exits_as_recorded(life: Sandbox) -> None:
    """What it doesn't know is refused with the same code and sentence; it lists what it knows."""
    [entry] = [entry for entry in load("6.2", "nodetool.json") if entry["command"] == "nodetool nonsense"]
    finished = nodetool(life, "nonsense")
    lists = re.compile(r"\(\[.*\]\)")
    assert (finished.returncode, lists.sub("", finished.stderr)) == (entry["exit"], lists.sub("", entry["stderr"]))
    known = json.loads(lists.findall(finished.stderr)[0].strip("()"))
    assert set(known) < set(json.loads(lists.findall(entry["stderr"])[0].strip("()")))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_keyspace_with_one_dot_is_split(version: str) -> None:
    """A keyspace that has one dot becomes another keyspace and table, even where the table is named; two are safe."""
    with Sandbox(version) as sandbox:
        for name in ("one.dot", "two.dots.here"):
            create_table(sandbox, name)
        split = nodetool(sandbox, "snapshot", "-t", "1", "-cf", "one.dot", "alternator_one.dot")
        whole = nodetool(sandbox, "snapshot", "-t", "1", "-cf", "two.dots.here", "alternator_two.dots.here")
        paired = nodetool(sandbox, "snapshot", "-t", "1", "-kt", "alternator_one.dot/one.dot")
    assert (split.returncode, whole.returncode, paired.returncode) == (4, 0, 0)
    assert '"cf": "dot"' in split.stderr
    assert '"kn": "alternator_one"' in split.stderr


def test_nothing_to_list_is_said_so() -> None:
    """Without any snapshot there is one line."""
    with Sandbox() as sandbox:
        assert nodetool(sandbox, "listsnapshots").stdout == "There are no snapshots\n"


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (("snapshot", "-t", "1", "-kt", "a/b", "-cf", "b"), 1, "you should not specify table(s)"),
        (("snapshot", "-t", "1", "-kt", "a/b", "c"), 1, "you should not specify keyspace(s)"),
        (("snapshot", "-t", "1", "-cf", "b", "a", "c"), 1, "you must specify one and only one keyspace"),
        (("snapshot", "-t", "", "-kt", "a/b"), 2, "the argument for option '--operation_options' is invalid"),
        (("snapshot", "-t", "1", "-kt", "a/b", "--nonsense"), 2, "--nonsense"),
        (("-t", "1", "snapshot"), 100, "got 1"),
        ((), 1, "missing mandatory operation argument"),
    ],
)
def test_wrong_arguments_exit_as_the_native_ones(arguments: tuple[str, ...], exit_code: int, words: str) -> None:
    """Arguments that it can't take end with the code that the native one was seen to end with."""
    with Sandbox() as sandbox:
        finished = nodetool(sandbox, *arguments)
    assert finished.returncode == exit_code
    assert words in finished.stdout + finished.stderr


def test_clearing_without_a_tag_clears_everything(life: Sandbox) -> None:
    """As the real one does, and the reason why a tag is never left out."""
    for tag in ("1", "2"):
        assert nodetool(life, "snapshot", "-t", tag, "-kt", "alternator_users/users").returncode == 0
    assert nodetool(life, "clearsnapshot").returncode == 0
    assert nodetool(life, "listsnapshots").stdout == "There are no snapshots\n"


def test_a_keyspace_that_is_gone_is_not_cleared(life: Sandbox) -> None:
    """Snapshots of a dropped table stay, and nodetool refuses to hear of its keyspace."""
    assert nodetool(life, "snapshot", "-t", "1", "-kt", "alternator_users/users").returncode == 0
    assert alternator(life, "DeleteTable", {"TableName": "users"}).status == 200
    refused = nodetool(life, "clearsnapshot", "-t", "1", "alternator_users")
    assert (refused.returncode, refused.stderr) == (
        1,
        "error processing arguments: keyspace alternator_users does not exist\n",
    )
    assert list(life.data_directory.glob("alternator_users/*/snapshots/1"))
