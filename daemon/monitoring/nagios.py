"""The one line that a check prints: state, what is the matter, and after a bar the figures."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from daemon.monitoring.freshness import State


SERVICE = "ALTERNATOR BACKUP"
TOLD_PROBLEMS = 5
PROBLEM_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Figure:
    """One of the figures.

    Attributes:
        value: None if there is none.
        unit: "s" for seconds, "" for a number of things.
        warn, critical: what it shouldn't be above; None for no limit.
    """

    label: str
    value: int | None
    unit: str = ""
    warn: int | None = None
    critical: int | None = None

    def __str__(self) -> str:
        limits = ";".join("" if limit is None else str(limit) for limit in (self.warn, self.critical))
        value = "U" if self.value is None else f"{self.value}{self.unit}"
        return f"'{self.label}'={value};{limits};0"


def line(state: State, problems: Sequence[str], summary: str, figures: Iterable[Figure] = ()) -> str:
    """The line.

    Args:
        state: of the whole.
        problems: the worst first; the first few are told.
        summary: what is told after them, or alone.
        figures: what a graph is drawn from.
    """
    told = [
        problem if len(problem) <= PROBLEM_CHARACTERS else f"{problem[:PROBLEM_CHARACTERS]}..." for problem in problems
    ]
    more = [f"and {len(told) - TOLD_PROBLEMS} more"] if len(told) > TOLD_PROBLEMS else []
    text = "; ".join([*told[:TOLD_PROBLEMS], *more, summary])
    # A bar ends the text, and a line's end the line, wherever they come from.
    text = " ".join(text.replace("|", "/").split())
    data = " ".join(map(str, figures))
    return f"{SERVICE} {state.name} - {text}" + (f" | {data}" if data else "")


def _shortened(problem: str) -> str:
    return problem if len(problem) <= PROBLEM_CHARACTERS else f"{problem[:PROBLEM_CHARACTERS]}..."
