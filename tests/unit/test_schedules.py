"""Schedules as settings make them: what is refused, which tables they take, how long a node waits."""

from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from backup_core.errors import SettingsError
from backup_core.repository.verification import DEEP, SHALLOW, Depth
from daemon.settings_file import build_settings
from daemon.settings_schedules import parse_depth
from tests.schedule_samples import made, schedule, utc


TABLES = ("users", "Users", "tmp_users", "Game.Scores-2024", "...", "-dash.", "orders")


def problems(**tables: dict[str, Any]) -> tuple[str, ...]:
    """What is wrong with these `[schedule.NAME]` tables."""
    with pytest.raises(SettingsError) as refused:
        build_settings(
            {"repository": {"local": {"path": "backups"}}, "schedule": tables}, source="settings.toml", base=Path("/")
        )
    return refused.value.problems


def test_defaults_are_a_backup_of_everything() -> None:
    """A rule is all that a schedule has to have."""
    nightly = schedule("nightly", cron="@daily")
    assert (nightly.name, nightly.what, nightly.select(TABLES)) == ("nightly", "backup", TABLES)
    assert (str(nightly.trigger), nightly.splay, nightly.catch_up) == ("cron @daily (UTC)", timedelta(), True)
    assert made() == ()


@pytest.mark.parametrize("rules", [{}, {"cron": "@daily", "every": "1d"}])
def test_exactly_one_rule_has_to_be_given(rules: dict[str, str]) -> None:
    """Neither of them, or both, is an error of the schedule."""
    [problem] = problems(nightly=rules)
    assert problem.startswith("schedule.nightly: ")
    assert problem.endswith("give either cron or every")


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("cron", "0 25 * * *", "'0 25 * * *' is no cron expression: bad hour"),
        ("cron", "@reboot", "'@reboot' is none of @yearly"),
        ("cron", "", "has 0 field(s)"),
        ("every", "soon", "'soon' is no duration like 15m"),
        ("every", "0h", "no time at all"),
        ("every", "500000w", "longer than a year"),
        ("timezone", "Europe/Nowhere", "'Europe/Nowhere' is no timezone"),
        ("splay", "-1h", "'-1h' is no duration"),
        ("what", "restore", "'backup', 'verify', 'drill' or 'prune'"),
        ("catch_up", "perhaps", "has to be true or false"),
        ("catchup", "true", "there is no such key"),
        ("tables", [], "must not be empty"),
        ("exclude", [""], "must not be empty"),
    ],
)
def test_a_wrong_value_is_told_with_its_key_and_the_reason(key: str, value: object, reason: str) -> None:
    """The problem begins with the path of the key; a daemon never starts with a schedule that it can't keep."""
    rule = {} if key in {"cron", "every"} else {"cron": "@daily"}
    [problem] = problems(nightly={**rule, key: value})
    assert problem.startswith(f"schedule.nightly.{key}")
    assert reason in problem


def test_all_problems_of_all_schedules_are_told_at_once() -> None:
    """Each on its own."""
    found = problems(one={"cron": "x", "timezone": "y"}, two={"every": "z"}, **{"no name": {"every": "1d"}})
    assert [problem.partition(": ")[0] for problem in found] == [
        "schedule.one.cron",
        "schedule.one.timezone",
        "schedule.two.every",
        "schedule.no name",
    ]


@pytest.mark.parametrize(
    ("tables", "exclude", "taken"),
    [
        (["*"], ["tmp_*"], "users Users Game.Scores-2024 ... -dash. orders"),
        (["users"], [], "users"),
        (["[Uu]sers", "o?ders"], ["Users"], "users orders"),
        (["*.*"], [], "Game.Scores-2024 ... -dash."),
        (["*users"], ["*"], ""),
        (["nobody"], [], ""),
    ],
)
def test_patterns_choose_tables(tables: list[str], exclude: list[str], taken: str) -> None:
    """Case counts, dots and dashes are characters like others, and exclude wins."""
    assert " ".join(schedule(tables=tables, exclude=exclude).select(TABLES)) == taken


def test_next_times_are_in_utc_whatever_the_timezone() -> None:
    """They are read on the wall clock of the timezone, and told in UTC."""
    berlin = schedule(cron="0 2 * * *", timezone="Europe/Berlin")
    assert berlin.next_times(2, utc("2026-10-23T12:00")) == (utc("2026-10-24T00:00"), utc("2026-10-25T00:00"))
    assert berlin.next_times(1, utc("2026-10-25T12:00")) == (utc("2026-10-26T01:00"),)
    assert berlin.next_times(0, utc("2026-10-25T12:00")) == ()


@given(st.uuids().map(str), st.integers(1, 10**6))
def test_a_node_waits_always_the_same_part_of_the_splay(host_id: str, splay_seconds: int) -> None:
    """Less than the splay, whole seconds, and no wait without a splay."""
    delay = schedule(splay=f"{splay_seconds}s").delay_on(host_id)
    assert timedelta() <= delay < timedelta(seconds=splay_seconds)
    assert delay == schedule(splay=f"{splay_seconds}s", tables=["users"]).delay_on(host_id)
    assert schedule(splay="0s").delay_on(host_id) == timedelta()


def test_a_splay_spreads_the_nodes() -> None:
    """A hundred nodes are spread over the hour, and two schedules of a node don't wait alike."""
    hourly, nightly = (schedule(name, splay="1h") for name in ("hourly", "nightly"))
    quarters = {hourly.delay_on(f"node-{number}") // timedelta(minutes=15) for number in range(100)}
    assert quarters == {0, 1, 2, 3}
    assert hourly.delay_on("node-1") != nightly.delay_on("node-1")


@pytest.mark.parametrize(
    ("text", "depth"),
    [("deep", DEEP), ("shallow", SHALLOW), ("5%", Depth(0.05)), (" 12.5 % ", Depth(0.125)), ("99%", Depth(0.99))],
)
def test_how_deep_a_verify_looks(text: str, depth: Depth) -> None:
    """Every byte, names and sizes, or a sample; every byte if nothing is said."""
    assert schedule(what="verify", depth=text).depth == depth
    assert schedule(what="verify").depth == DEEP


@given(text=st.text(max_size=8) | st.sampled_from(["0%", "100%", "-5%", "5", "%", "1e1%", "nan%", "5%%", "1.2.3%"]))
def test_what_is_no_depth_is_refused(text: str) -> None:
    """Whatever else is written there is a problem of the settings, and nothing breaks."""
    assume(text.strip() not in {"deep", "shallow"})
    depth = None
    with suppress(ValueError):
        depth = parse_depth(text)
    assert depth is None or (text.strip().endswith("%") and 0 < depth.fraction < 1)
