"""What docs/events.md says, held against the events that the code tells, with their levels and keys."""

import ast
import io
import json
import logging
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from backup_core import events
from backup_core.errors import StepError
from daemon.log_lines import json_lines
from daemon.log_reporter import LogReporter
from tests.documents import ROOT, document


PAGE = document("docs/events.md")

CONSTANTS = {name: value for name, value in vars(events).items() if name.isupper()}

LEVELS = {"event": "info", "warning": "warning", "failure": "error"}

HANDED_ON = {
    events.STEP_STARTED: {"table", "repository"},
    events.STEP_FINISHED: {"table", "repository"},
    events.TABLE_RETRIED: {"table", "tag"},
}
"""Keys that a function is given by its callers as `**fields`; any other `**` is a dictionary written beside it."""


@dataclass
class Told:
    """An event as page or code have it."""

    levels: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)


def documented() -> dict[str, Told]:
    """The rows of the page's tables of events."""
    rows = re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \| (\w+) \|.*\|([^|]*)\|$", PAGE, re.MULTILINE)
    assert len(rows) == len({name for name, _, _ in rows}), "an event stands there twice"
    return {name: Told({level}, set(re.findall(r"`(\w+)`", keys))) for name, level, keys in rows}


def told() -> dict[str, Told]:
    """What the code tells its reporters."""
    found: defaultdict[str, Told] = defaultdict(Told)
    for module, function, call, method in reporter_calls():
        for name in names_of(call.args[0], module):
            found[name].levels.add(LEVELS[method])
            found[name].keys |= keys_of(call, function, name)
    # None of them goes through a call of its own: the log turns them into what they are.
    found[events.STEP_STARTED].levels = found[events.OBJECT_STORED].levels = {"debug"}
    found[events.LIBRARY_LOGGED] = Told({"any"}, {"message", "logger"})
    return dict(found)


def reporter_calls() -> Iterator[tuple[ast.Module, ast.FunctionDef, ast.Call, str]]:
    """Calls of `event`, `warning` and `failure`, each with its module and function."""
    for module in modules():
        for function in (node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)):
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS:
                    yield module, function, node, node.func.attr


def modules() -> Iterator[ast.Module]:
    """The code that tells events."""
    for package in ("backup_core", "daemon"):
        for path in (ROOT / package).rglob("*.py"):
            yield ast.parse(path.read_text(encoding="utf-8"))


def names_of(argument: ast.expr, module: ast.Module) -> set[str]:
    """The events that an argument can be; none if it is somebody else's, or a name that is only passed on."""
    sources = [argument]
    if isinstance(argument, ast.Subscript) and isinstance(argument.value, ast.Name):
        sources += assigned(argument.value.id, module)
    nodes = [node for source in sources for node in ast.walk(source)]
    literals = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    constants = {CONSTANTS[node.id] for node in nodes if isinstance(node, ast.Name) and node.id in CONSTANTS}
    return constants | {literal for literal in literals if re.fullmatch(r"[a-z_]+\.[a-z_]+", literal)}


def keys_of(call: ast.Call, function: ast.FunctionDef, name: str) -> set[str]:
    """The keys that a call gives an event."""
    keys: set[str] = set()
    for keyword in call.keywords:
        if keyword.arg is not None:
            keys.add(keyword.arg)
            continue
        given = keyword.value
        sources = assigned(given.id, function) if isinstance(given, ast.Name) else [given]
        written = {key for source in sources for key in literal_keys(source)}
        assert written or name in HANDED_ON, f"{ast.unparse(call)}: which keys?"
        keys |= written or HANDED_ON[name]
    return keys


def assigned(name: str, scope: ast.AST) -> list[ast.expr]:
    """What is assigned to a name in there."""
    assignments = [node for node in ast.walk(scope) if isinstance(node, ast.Assign)]
    return [
        node.value
        for node in assignments
        if any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
    ]


def literal_keys(source: ast.expr) -> Iterator[str]:
    """The keys of dictionaries that are written out in an expression."""
    for node in ast.walk(source):
        if isinstance(node, ast.Dict):
            yield from (key.value for key in node.keys if isinstance(key, ast.Constant) and isinstance(key.value, str))


DOCUMENTED, TOLD = documented(), told()


def test_each_constant_is_told() -> None:
    """No event is told that isn't a constant, and no constant stands for nothing."""
    assert sorted(TOLD) == sorted(CONSTANTS.values())


def test_the_page_lists_exactly_the_events_that_there_are() -> None:
    """Each event has a row, and none that doesn't exist."""
    assert sorted(DOCUMENTED) == sorted(CONSTANTS.values())


@pytest.mark.parametrize("name", sorted(TOLD))
def test_the_page_tells_level_and_keys(name: str) -> None:
    """Each event stands with the level that it has, and exactly the keys that it is told with."""
    assert DOCUMENTED[name] == TOLD[name]


def test_the_page_tells_what_stands_in_many_lines() -> None:
    """The keys of runs, steps and failures stand in the table of what many lines have, and no others."""
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", PAGE, re.MULTILINE)
    listed: defaultdict[str, set[str]] = defaultdict(set)
    for key, where in rows:
        listed[where].add(key)
    assert listed == {
        "every line": {"timestamp", "level", "event"},
        "a run of the daemon": bound_keys(),
        "while a step lasts": TOLD[events.STEP_STARTED].keys,
        "level `error`": failure_keys() - {"timestamp", "level", "event"},
    }


def bound_keys() -> set[str]:
    """What a run binds to its lines."""
    binding = ("bound_contextvars", "bind_contextvars")
    calls = (node for module in modules() for node in ast.walk(module) if isinstance(node, ast.Call))
    bound = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id in binding]
    return {keyword.arg for call in bound for keyword in call.keywords if keyword.arg is not None}


def failure_keys() -> set[str]:
    """What the line of a bug of ours has, of which there is most to tell."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(json_lines())
    logger = logging.Logger("of this test alone")  # noqa: LOG001  (a registered one would be every test's)
    logger.addHandler(handler)
    LogReporter(logger).failure(events.SERVICE_FAILED, StepError("It broke", hint="Report it."))
    return set(json.loads(stream.getvalue()))
