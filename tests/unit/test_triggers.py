"""When schedules fire, by cron's rules and at a fixed pace, in years of several timezones."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.triggers import NICKNAMES, CronTrigger, IntervalTrigger, ScheduleTrigger, timezone_named
from tests.schedule_samples import utc


BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
LORD_HOWE, KATHMANDU, HAVANA = ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Asia/Kathmandu"), ZoneInfo("America/Havana")
ZONES = (BERLIN, NEW_YORK, LORD_HOWE, KATHMANDU, HAVANA)
"""An hour in spring and autumn; half an hour; never, at +05:45; and at midnight."""

CHANGES = tuple(
    utc(moment)
    for moment in (
        *("2026-03-29T01:00", "2026-10-25T01:00"),  # Berlin
        *("2026-03-08T07:00", "2026-11-01T06:00"),  # New York
        *("2026-10-03T15:30", "2026-04-04T15:00"),  # Lord Howe
        *("2026-03-08T05:00", "2026-11-01T05:00"),  # Havana
    )
)

HOUR = timedelta(hours=1)
YEAR = 2026


def cron(expression: str, zone: tzinfo = UTC) -> CronTrigger:
    """A trigger of an expression."""
    return CronTrigger.parse(expression, zone)


def fires(trigger: ScheduleTrigger, after: datetime, until: datetime) -> Iterator[datetime]:
    """All fire times after one moment up to another."""
    fire = trigger.next_after(after)
    while fire <= until:
        yield fire
        fire = trigger.next_after(fire)


def year_of(trigger: ScheduleTrigger, zone: tzinfo) -> list[datetime]:
    """All fire times of a local year, on the local clock."""
    start, end = (datetime(year, 1, 1, tzinfo=zone) for year in (YEAR, YEAR + 1))
    return [fire.astimezone(zone) for fire in fires(trigger, start - HOUR / 3600, end - HOUR / 3600)]


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        ("0 0 * * 0", "Sun 04 Jan, Sun 11 Jan, Sun 18 Jan"),
        ("0 0 * * 7", "Sun 04 Jan, Sun 11 Jan, Sun 18 Jan"),
        ("0 0 * * sun", "Sun 04 Jan, Sun 11 Jan, Sun 18 Jan"),
        ("0 0 * * 1-5", "Thu 01 Jan, Fri 02 Jan, Mon 05 Jan"),
        ("0 0 * * 6-7", "Sat 03 Jan, Sun 04 Jan, Sat 10 Jan"),
        ("0 0 * * Mon-Wed", "Mon 05 Jan, Tue 06 Jan, Wed 07 Jan"),
        ("0 0 * * MON,THU", "Thu 01 Jan, Mon 05 Jan, Thu 08 Jan"),
        ("0 0 9 * MON", "Mon 05 Jan, Fri 09 Jan, Mon 12 Jan"),
        ("0 0 */5 * THU", "Thu 01 Jan, Thu 26 Feb, Thu 26 Mar"),
        ("0 0 1,15 * *", "Thu 01 Jan, Thu 15 Jan, Sun 01 Feb"),
        ("0 0 1-31/15 * *", "Thu 01 Jan, Fri 16 Jan, Sat 31 Jan"),
        ("0 0 1 feb,MAR-apr *", "Sun 01 Feb, Sun 01 Mar, Wed 01 Apr"),
        ("0 0 29 2 *", "Tue 29 Feb, Sun 29 Feb, Fri 29 Feb"),
        ("0 0 L * *", "Sat 31 Jan, Sat 28 Feb, Tue 31 Mar"),
        ("0 0 LW * *", "Fri 30 Jan, Fri 27 Feb, Tue 31 Mar"),
        ("0 0 * * 5L", "Fri 30 Jan, Fri 27 Feb, Fri 27 Mar"),
        ("0 0 * * MON#2", "Mon 12 Jan, Mon 09 Feb, Mon 09 Mar"),
    ],
)
def test_days_are_chosen_as_by_cron(expression: str, days: str) -> None:
    """Names and numbers, lists, ranges and steps; two fields of days mean either, unless one starts with a star."""
    fire, found = utc("2025-12-31T12:00"), []
    for _ in range(3):
        fire = cron(expression).next_after(fire)
        found.append(f"{fire:%a %d %b}")
    assert ", ".join(found) == days


@pytest.mark.parametrize(("nickname", "expression"), NICKNAMES.items())
def test_nicknames_are_what_cron_takes_them_for(nickname: str, expression: str) -> None:
    """Each fires like its expression, so it is equal to it; upper case and space around it don't matter."""
    assert cron(nickname) == cron(expression) == cron(f" {nickname.upper()} ")


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("", "has 0 field"),
        ("0 2 * *", "has 4 field.*not five: minute, hour"),
        ("0 0 2 * * *", "has 6 field"),
        ("@reboot", "is none of @yearly"),
        ("60 2 * * *", "no cron expression: bad minute"),
        ("0 24 * * *", "bad hour"),
        ("0 0 0 * *", "bad day of month"),
        ("0 0 1 13 *", "bad month"),
        ("0 0 * * 8", "bad day of week"),
        ("0 0 * * fri-mon", "bad day of week"),
        ("H 0 * * *", "bad minute"),
        ("1* 0 * * *", "bad minute"),
        ("*/0 0 * * *", "bad minute"),
        ("0 0 15W * *", "bad day of month"),
        ("0 0 30 2 *", "bad day of month"),
        ("0 0 * * MON#6", "bad day of week"),
        ("0 0 */26 9 MON#5", "never fires"),
        ("٣ 0 * * *", "bad minute"),
    ],
)
def test_what_is_no_expression_is_refused(expression: str, reason: str) -> None:
    """The error tells which field is bad; so does what never fires, and cron's @reboot."""
    with pytest.raises(ValueError, match=reason):
        cron(expression)


@given(st.text(st.sampled_from("0123456789*/,-#LWH@ MON"), max_size=20))
def test_no_text_breaks_the_parser(text: str) -> None:
    """Any text is refused, or is a trigger that fires."""
    try:
        trigger = cron(text)
    except ValueError:
        return
    assert trigger.next_after(utc("2026-01-01T00:00")) > utc("2026-01-01T00:00")


@pytest.mark.parametrize("zone", ZONES, ids=str)
@pytest.mark.parametrize(
    "at", [time(0), time(0, 30), time(1, 45), time(2), time(2, 15), time(2, 30), time(3), time(23, 59)]
)
def test_a_time_of_day_comes_once_on_each_day_of_a_year(zone: ZoneInfo, at: time) -> None:
    """Also where it is skipped or repeated on the clock; on all other days at just this time."""
    year = year_of(cron(f"{at.minute} {at.hour} * * *", zone), zone)

    assert [fire.date() for fire in year] == [date(YEAR, 1, 1) + timedelta(days=day) for day in range(365)]
    assert sum(fire.time() != at for fire in year) <= 1


@pytest.mark.parametrize(
    ("zone", "expression", "day", "local_times"),
    [
        (BERLIN, "30 2 * * *", "2026-03-29", "03:00+02"),
        (BERLIN, "30 2 * * *", "2026-10-25", "02:30+02"),
        (BERLIN, "0 3 * * *", "2026-10-25", "03:00+01"),
        (BERLIN, "*/20 2 * * *", "2026-03-29", "03:00+02"),
        (BERLIN, "*/20 2 * * *", "2026-10-25", "02:00+02 02:20+02 02:40+02"),
        (BERLIN, "0 */8,2 * * *", "2026-03-29", "00:00+01 03:00+02 08:00+02 16:00+02"),
        (BERLIN, "0 */8,2 * * *", "2026-10-25", "00:00+02 02:00+02 08:00+01 16:00+01"),
        (NEW_YORK, "30 2 * * *", "2026-03-08", "03:00-04"),
        (NEW_YORK, "30 1 * * *", "2026-11-01", "01:30-04"),
        (LORD_HOWE, "15 2 * * *", "2026-10-04", "02:30+11"),
        (LORD_HOWE, "45 1 * * *", "2026-04-05", "01:45+11"),
        (HAVANA, "@daily", "2026-03-08", "01:00-04"),
        (HAVANA, "@daily", "2026-11-01", "00:00-04"),
    ],
)
def test_times_that_are_skipped_or_repeated(zone: ZoneInfo, expression: str, day: str, local_times: str) -> None:
    """What is skipped is made up for, once, at the end of the gap; of what is repeated the first counts."""
    start = datetime.fromisoformat(day).replace(tzinfo=zone)
    end = start + timedelta(days=1)
    told = [fire.astimezone(zone) for fire in fires(cron(expression, zone), start - HOUR / 3600, end - HOUR / 3600)]

    assert " ".join(f"{fire:%H:%M%z}"[:8] for fire in told) == local_times


@pytest.mark.parametrize("zone", [zone for zone in ZONES if zone is not LORD_HOWE], ids=str)
@pytest.mark.parametrize("expression", ["@hourly", "30 * * * *", "30 0-23 * * *"])
def test_every_hour_goes_on_in_real_time(zone: ZoneInfo, expression: str) -> None:
    """Through all changes of the clock, an hour lies between two fires."""
    assert distances(year_of(cron(expression, zone), zone)) == {HOUR}


@pytest.mark.parametrize("zone", ZONES, ids=str)
def test_every_half_hour_goes_on_in_real_time(zone: ZoneInfo) -> None:
    """Also where the clock changes by half an hour."""
    assert distances(year_of(cron("*/30 * * * *", zone), zone)) == {HOUR / 2}


def distances(local: list[datetime]) -> set[timedelta]:
    """Real time between neighbours; on the local clock it would be another."""
    return {later - earlier for earlier, later in pairwise(fire.astimezone(UTC) for fire in local)}


moments = st.one_of(
    st.integers(0, 5 * 365 * 86400).map(lambda seconds: utc("2025-01-01T00:00") + timedelta(seconds=seconds)),
    st.builds(
        lambda change, seconds: change + timedelta(seconds=seconds),
        st.sampled_from(CHANGES),
        st.integers(-3 * 3600, 3 * 3600),
    ),
)
minutes = st.sets(st.sampled_from(range(0, 60, 5)), min_size=1)
hours = st.one_of(st.sets(st.sampled_from(range(24)), min_size=1, max_size=4), st.just(set(range(24))))
weekdays = st.sets(st.sampled_from(range(7)), min_size=1)


def oracle(moment: datetime, zone: ZoneInfo, minute: set[int], hour: set[int], weekday: set[int]) -> datetime:
    """The next fire time by trying out every minute of real time, or every time of day of the coming days."""
    if len(hour) == 24:
        fire = moment.replace(second=0, microsecond=0)
        while True:
            fire += timedelta(minutes=1)
            local = fire.astimezone(zone)
            if local.minute in minute and local.isoweekday() % 7 in weekday:
                return fire
    first = moment.astimezone(zone).date() - timedelta(days=1)
    days = [first + timedelta(days=number) for number in range(10)]
    times = [time(at, past) for at in hour for past in minute]
    candidates = [
        real(datetime.combine(day, at), zone) for day in days if day.isoweekday() % 7 in weekday for at in times
    ]
    return min(fire for fire in candidates if fire > moment)


def real(local: datetime, zone: ZoneInfo) -> datetime:
    """The moment of a time on the wall clock: the first of two, or the end of the gap that it is in."""
    while (moment := local.replace(tzinfo=zone).astimezone(UTC)).astimezone(zone).replace(tzinfo=None) != local:
        local += timedelta(minutes=1)
    return moment


@given(moments, st.sampled_from(ZONES), minutes, hours, weekdays)
def test_fire_times_are_those_of_the_wall_clock(
    moment: datetime, zone: ZoneInfo, minute: set[int], hour: set[int], weekday: set[int]
) -> None:
    """The next one is what trying out says; it lies ahead, and looking back from there finds it."""
    fields = (",".join(map(str, sorted(values))) for values in (minute, hour, weekday))
    trigger = cron("{} {} * * {}".format(*fields), zone)

    fire = trigger.next_after(moment)

    assert fire == oracle(moment, zone, minute, hour, weekday)
    assert moment < fire < trigger.next_after(fire)
    assert trigger.last_until(fire) == fire
    assert trigger.last_until(moment) <= moment
    assert trigger.next_after(trigger.last_until(moment)) == fire


@pytest.mark.parametrize("expression", ["* * * * *", "@yearly", "0 0 29 2 *", "0 0 * 2 MON#5", "0 0 29 2 MON#5"])
def test_the_last_time_is_found_however_long_ago(expression: str) -> None:
    """From every minute to once in decades, no fire time lies between the last one and the next one."""
    now = utc("2026-11-22T10:30:30")
    last = cron(expression).last_until(now)
    assert last <= now < cron(expression).next_after(last) == cron(expression).next_after(now)


intervals = st.integers(1, 40 * 86400).map(lambda seconds: timedelta(seconds=seconds))


@given(moments, intervals)
def test_a_pace_is_counted_from_the_epoch(moment: datetime, interval: timedelta) -> None:
    """Whenever it starts, it fires at multiples of its interval since 1970, each of them once."""
    trigger = IntervalTrigger(interval)
    fire = trigger.next_after(moment)

    assert moment < fire <= moment + interval
    assert (fire - utc("1970-01-01T00:00")) % interval == timedelta()
    assert trigger.last_until(fire) == fire == trigger.next_after(trigger.last_until(moment))
    assert trigger.next_after(fire) == fire + interval


def test_a_pace_tells_round_times() -> None:
    """Six hours are four times a day, in UTC; a day begins at midnight."""
    now = utc("2026-11-22T10:30")
    assert list(fires(IntervalTrigger.parse("6h"), now, now + 24 * HOUR)) == [
        utc(f"2026-11-{at}:00") for at in ("22T12", "22T18", "23T00", "23T06")
    ]
    assert IntervalTrigger.parse("1d").next_after(now) == utc("2026-11-23T00:00")


@pytest.mark.parametrize("trigger", [cron("0 2 * * *", BERLIN), IntervalTrigger.parse("6h")])
def test_apscheduler_is_told_what_comes_after(trigger: ScheduleTrigger) -> None:
    """After the last fire if there was one, else after now; what fires right now is left to the catch-up."""
    now = trigger.next_after(utc("2026-11-22T10:30"))
    assert trigger.get_next_fire_time(None, now) == trigger.next_after(now)
    assert trigger.get_next_fire_time(trigger.last_until(now), now) == trigger.next_after(now)


@pytest.mark.parametrize("name", ["", "Europe", "Europe/Nowhere", "../Berlin", "/etc/localtime", "a\0b", "ä"])
def test_a_timezone_that_nobody_knows_is_refused(name: str) -> None:
    """Names of no file, of a directory, or of something outside of the database."""
    with pytest.raises(ValueError, match="no timezone like UTC or Europe/Berlin"):
        timezone_named(name)
