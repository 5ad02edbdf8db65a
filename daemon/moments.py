"""Moments as somebody types them."""

import argparse
from datetime import UTC, datetime


def moment(text: str) -> datetime:
    """An option's type: a date or time as in ISO 8601, in UTC where it names no other offset.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    try:
        given = datetime.fromisoformat(text)
        return given.replace(tzinfo=UTC) if given.tzinfo is None else given.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no date like 2027-01-01 or 2027-01-01T12:00") from error
