"""Examples: `check`, `check users --warn 2h --critical 6h`, `check --exclude 'tmp_*'`. Its exit codes are Nagios's."""

import argparse
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from backup_core.durations import parse_duration
from backup_core.errors import BackupError, RunCancelledError
from daemon.invocation import Invocation
from daemon.monitoring.evidence import gather
from daemon.monitoring.freshness import State, Thresholds, age_text
from daemon.monitoring.nagios import Figure, line
from daemon.monitoring.verdict import JudgedTable, Verdict, judge
from daemon.signals import cancelling


WRONG_USAGE = State.UNKNOWN.value
"""2, as everywhere else, would be CRITICAL."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What this verb takes."""
    parser.add_argument("tables", nargs="*", metavar="TABLE", help="only these; all that should have backups if none")
    parser.add_argument(
        "--warn", type=_age, default="26h", metavar="AGE", help="warn of a last good backup older than this: 26h"
    )
    parser.add_argument("--critical", type=_age, default="50h", metavar="AGE", help="critical if older than this: 50h")
    parser.add_argument(
        "--warn-drill", type=_age, default="8d", metavar="AGE", help="warn of a last good drill older than this: 8d"
    )
    parser.add_argument("--exclude", action="append", default=[], metavar="PATTERN", help="tables to leave out")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(invocation: Invocation) -> int:
    """Print one line for a monitoring system: how old the last good backups are, what failed, what was left behind."""
    arguments, output = invocation.arguments, invocation.output
    thresholds = Thresholds(arguments.warn, arguments.critical, arguments.warn_drill)
    if thresholds.warn > thresholds.critical:
        return _unknown(invocation, "--warn has to be below --critical")
    try:
        with cancelling(invocation.cancel):
            evidence = gather(invocation, ask_node=not arguments.tables)
    except RunCancelledError:
        raise
    except BackupError as error:
        return _unknown(invocation, str(error))
    verdict = judge(evidence, thresholds, named=arguments.tables, exclude=arguments.exclude)
    node_asked = evidence.on_node is not None
    if arguments.json:
        output.json(_as_json(verdict, node_asked=node_asked))
    else:
        problems = [problem.text for problem in verdict.problems]
        unsure = "" if node_asked or arguments.tables else ", dropped ones among them: the node didn't answer"
        output.data(line(verdict.state, problems, _summary(verdict) + unsure, _figures(verdict, thresholds)))
    return verdict.state.value


def _unknown(invocation: Invocation, text: str) -> int:
    """Nothing could be judged: also this is one line on standard output, where monitoring systems look."""
    if invocation.arguments.json:
        invocation.output.json({"state": State.UNKNOWN.name, "problems": [{"state": State.UNKNOWN.name, "text": text}]})
    else:
        invocation.output.data(line(State.UNKNOWN, [], text))
    return State.UNKNOWN.value


def _summary(verdict: Verdict) -> str:
    parts = [f"{len(verdict.tables)} table{'s' if len(verdict.tables) != 1 else ''} checked"]
    ages = [table.good for table in verdict.tables if table.good.age is not None]
    if ages:
        parts.append(f"oldest last backup {age_text(ages[0].age or timedelta())} ago ({ages[0].table})")
    if verdict.drill_age is not None:
        parts.append(f"last good drill {age_text(verdict.drill_age)} ago")
    return ", ".join(parts)


def _figures(verdict: Verdict, thresholds: Thresholds) -> Iterator[Figure]:
    yield Figure("tables", len(verdict.tables))
    yield Figure("failures", verdict.failures, warn=0)
    yield Figure("stale_snapshots", verdict.stale_snapshots, warn=0)
    if verdict.drill_age is not None:
        warn = int(thresholds.drill.total_seconds())
        yield Figure("drill_age", int(verdict.drill_age.total_seconds()), "s", warn)
    limits = (int(thresholds.warn.total_seconds()), int(thresholds.critical.total_seconds()))
    for table in verdict.tables:
        yield Figure(f"age_{table.good.table}", _age_seconds(table), "s", *limits)


def _as_json(verdict: Verdict, *, node_asked: bool) -> dict[str, Any]:
    return {
        "state": verdict.state.name,
        "problems": [{"state": problem.state.name, "text": problem.text} for problem in verdict.problems],
        "tables": [_table_json(table) for table in verdict.tables],
        "failures": verdict.failures,
        "stale_snapshots": verdict.stale_snapshots,
        "drill_age_seconds": int(verdict.drill_age.total_seconds()) if verdict.drill_age is not None else None,
        "node_asked": node_asked,
    }


def _table_json(table: JudgedTable) -> dict[str, Any]:
    good = table.good
    return {
        "table": good.table,
        "state": table.state.name,
        "repository": good.repository,
        "last_good_at": good.snapshot_at.isoformat() if good.snapshot_at else None,
        "age_seconds": _age_seconds(table),
    }


def _age_seconds(table: JudgedTable) -> int | None:
    return None if table.good.age is None else int(table.good.age.total_seconds())


def _age(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
