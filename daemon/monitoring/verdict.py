"""Judges whether backups are as they should be. Pure: the same evidence gets the same verdict."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase

from daemon.history_records import Outcome, TableError
from daemon.monitoring.damage_verdict import damage_problems
from daemon.monitoring.drill_verdict import drill_problems, last_good_drill
from daemon.monitoring.evidence import Evidence
from daemon.monitoring.freshness import SEVERITY, LastGood, State, Thresholds, age_text, last_good, worst


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that isn't as it should be."""

    state: State
    text: str


@dataclass(frozen=True, slots=True)
class JudgedTable:
    """A table, its last good backup, and what is to be thought of that."""

    good: LastGood
    state: State


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came out.

    Attributes:
        tables: those that were judged, the one that is furthest behind first.
        problems: the worst first.
        failures: tables and schedules whose last attempt failed.
        stale_snapshots: snapshots that dead runs have left.
        drill_age: of the last good drill of any table; None if there never was one.
    """

    tables: tuple[JudgedTable, ...]
    problems: tuple[Problem, ...]
    failures: int
    stale_snapshots: int
    drill_age: timedelta | None = None

    @property
    def state(self) -> State:
        """The state of the whole."""
        return worst(problem.state for problem in self.problems)


def judge(
    evidence: Evidence, thresholds: Thresholds, *, named: Sequence[str] = (), exclude: Sequence[str] = ()
) -> Verdict:
    """Judge the backups.

    Args:
        evidence: what was found.
        thresholds: ages that are too old.
        named: the tables to judge. Without any: those that have backups and weren't dropped, and those on the node
            that a schedule takes; all on the node if there is no schedule for backups.
        exclude: patterns of tables to leave out of those that aren't named.
    """
    names = list(dict.fromkeys(named)) or [
        name for name in _tables(evidence) if not any(fnmatchcase(name, pattern) for pattern in exclude)
    ]
    failures = [error for error in evidence.history.last_errors if error.table in names and _counts(evidence, error)]
    failing = {error.table for error in failures}
    goods = [_last_good(evidence, name) for name in names] if evidence.stored else []
    tables = [JudgedTable(good, _state(evidence, good, thresholds, named, failing)) for good in goods]
    tables.sort(key=lambda table: timedelta.max if table.good.age is None else table.good.age, reverse=True)
    runs = list(_failed_runs(evidence))
    problems = [
        *(Problem(table.state, _age_text(table.good)) for table in tables if table.state is not State.OK),
        *(Problem(State.WARNING, f"{error.what} of {error.table} failed: {error.error}") for error in failures),
        *runs,
        *(Problem(State.CRITICAL, text) for text in damage_problems(evidence, names)),
        *(Problem(State.WARNING, text) for text in drill_problems(evidence, names, thresholds.drill)),
        *_others(evidence, judged=bool(tables)),
    ]
    problems.sort(key=lambda problem: SEVERITY.index(problem.state), reverse=True)
    drill = last_good_drill(evidence)
    drill_age = max(evidence.now - drill.drilled_at, timedelta()) if drill else None
    return Verdict(tuple(tables), tuple(problems), len(failures) + len(runs), len(evidence.stale), drill_age)


def _tables(evidence: Evidence) -> list[str]:
    stored = {table for backups in evidence.stored.values() for table in backups}
    if evidence.on_node is None:
        return sorted(stored)
    backing_up = [schedule for schedule in evidence.schedules if schedule.what == "backup"]
    wanted = {name for schedule in backing_up for name in schedule.select(evidence.on_node)}
    expected = wanted if backing_up else set(evidence.on_node)
    return sorted(stored.intersection(evidence.on_node) | expected)


def _last_good(evidence: Evidence, table: str) -> LastGood:
    stored = {repository: backups.get(table, ()) for repository, backups in evidence.stored.items()}
    return last_good(table, stored, evidence.now)


def _state(
    evidence: Evidence, good: LastGood, thresholds: Thresholds, named: Sequence[str], failing: set[str]
) -> State:
    """A table of which nothing was ever stored may be new: that is no catastrophe, while others are backed up."""
    if good.age is not None:
        return thresholds.judge(good.age)
    table = good.table
    known = table in named or table in failing or any(table in backups for backups in evidence.stored.values())
    return State.WARNING if not known and any(evidence.stored.values()) else State.CRITICAL


def _counts(evidence: Evidence, error: TableError) -> bool:
    """Whether nothing has come right since; a backup by hand is in the repositories, and not in the history.

    Drills, also those by hand, have records of their own.
    """
    if error.succeeded_at is not None or error.what == "drill":
        return False
    good = _last_good(evidence, error.table) if evidence.stored and error.what == "backup" else None
    return good is None or good.snapshot_at is None or good.snapshot_at <= error.failed_at


def _failed_runs(evidence: Evidence) -> Iterator[Problem]:
    """Runs that never came to their tables; of the others, the tables tell. One that is under way tells nothing yet."""
    in_settings = {schedule.name for schedule in evidence.schedules}
    for name, past in evidence.history.last_judged.items():
        if name in in_settings and past.outcome is Outcome.FAILED and past.error:
            yield Problem(State.WARNING, f"schedule {name} failed: {past.error}")


def _others(evidence: Evidence, *, judged: bool) -> Iterator[Problem]:
    if not judged and not evidence.unread and evidence.on_node is None:
        yield Problem(State.CRITICAL, "there is no backup of any table")
    for text in evidence.unread:
        yield Problem(State.UNKNOWN, text)
    for text in (*evidence.missing, *evidence.broken_entries):
        yield Problem(State.WARNING, text)
    if evidence.stale:
        tags = ", ".join(f"{entry.table_name}/{entry.tag}" for entry in evidence.stale)
        yield Problem(State.WARNING, f"{len(evidence.stale)} snapshot(s) left by dead runs: {tags}")
    if evidence.reload_error:
        yield Problem(State.WARNING, f"the settings couldn't be reloaded: {evidence.reload_error}")
    if evidence.history.problem:
        yield Problem(State.WARNING, evidence.history.problem)


def _age_text(good: LastGood) -> str:
    if good.age is None:
        return f"{good.table}: no good backup in {good.repository}"
    return f"{good.table}: last good backup in {good.repository} {age_text(good.age)} ago"
