"""A clock that goes where a test sets it."""

from datetime import UTC, datetime, timedelta


class SteppedClock:
    """Stands still between steps; its monotonic time never goes back."""

    def __init__(self, start: str) -> None:
        self._now = datetime.fromisoformat(start).replace(tzinfo=UTC)
        self._monotonic_seconds = 0.0

    def now(self) -> datetime:
        """Where it was set."""
        return self._now

    def monotonic(self) -> float:
        """Seconds stepped forward so far."""
        return self._monotonic_seconds

    def step(self, **by: float) -> datetime:
        """Go on, or back, by what a timedelta takes; tells the new time."""
        self._now += timedelta(**by)
        self._monotonic_seconds += max(timedelta(**by).total_seconds(), 0.0)
        return self._now
