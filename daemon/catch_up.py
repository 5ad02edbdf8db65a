"""What came due while nobody was there to do it."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from daemon.schedules import Schedule, WorkItem


def missed_while_down(
    schedules: Iterable[Schedule], last_handled: Mapping[str, datetime], now: datetime
) -> tuple[WorkItem, ...]:
    """The newest fire time of each schedule that was missed: however many were, one run makes up for them.

    A schedule without a history has missed nothing: it is new, or the history was lost, which costs history only.

    Args:
        schedules: those in force.
        last_handled: the newest nominal time of each schedule, by name, that was handled, whatever came of it.
        now: what fires at this very moment counts as missed; `ScheduleTrigger.get_next_fire_time` leaves it out.

    Returns:
        An item for each schedule that missed something, whether it is to catch up or not.
    """
    newest = (WorkItem(schedule, schedule.trigger.last_until(now)) for schedule in schedules)
    return tuple(item for item in newest if item.nominal_at > last_handled.get(item.schedule.name, item.nominal_at))
