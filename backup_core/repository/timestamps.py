"""Times as they are written down: RFC 3339, UTC, microseconds, Z."""

from datetime import UTC, datetime


def timestamp(moment: datetime) -> str:
    """The text of an aware time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_timestamp(text: str) -> datetime:
    """The time of such a text, in UTC.

    Raises:
        ValueError: if it isn't one, or has no offset.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset from UTC")
    return moment.astimezone(UTC)
