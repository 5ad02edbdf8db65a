from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_core.durations import duration_text, parse_duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("45s", timedelta(seconds=45)),
        ("15m", timedelta(minutes=15)),
        ("36h", timedelta(hours=36)),
        ("7d", timedelta(days=7)),
        (" 2 w ", timedelta(weeks=2)),
        ("007d", timedelta(days=7)),
    ],
)
def test_durations_are_read(text: str, expected: timedelta) -> None:
    """A whole number with a unit is a duration."""
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7",
        "d",
        "0d",
        "-1d",
        "1.5h",
        "7D",
        "7 days",
        "1d12h",
        "\N{ARABIC-INDIC DIGIT SEVEN}d",
        "9" * 30 + "w",
        "9" * 5000 + "d",
        "7d\n7d",
    ],
)
def test_everything_else_is_refused(text: str) -> None:
    """What isn't one number with one unit, is nothing, or doesn't end is told so, whatever it is."""
    with pytest.raises(ValueError, match="is no|is too long"):
        parse_duration(text)


@given(number=st.integers(1, 10**6), unit=st.sampled_from("smhdw"))
def test_durations_survive_being_written(number: int, unit: str) -> None:
    """What is written of a duration reads as the same one."""
    duration = parse_duration(f"{number}{unit}")
    assert parse_duration(duration_text(duration)) == duration


@pytest.mark.parametrize("text", ["7d", "36h", "90m", "61s"])
def test_durations_are_written_as_people_write_them(text: str) -> None:
    """Days, hours and minutes are kept where they are whole."""
    assert duration_text(parse_duration(text)) == text
