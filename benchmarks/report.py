"""The table that a benchmark prints: what was measured, beside what is wanted."""

from dataclasses import dataclass


COLUMNS = "{:<34} {:>12} {:>12} {:>8}   {}"


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound for a number; measured on a busy machine it is missed more easily than on an idle one."""

    bound: float
    at_least: bool = False

    def verdict(self, measured: float) -> str:
        """The bound, and whether it holds."""
        holds = measured >= self.bound if self.at_least else measured <= self.bound
        return f"{'>=' if self.at_least else '<='} {self.bound:g} {'ok' if holds else 'MISSED'}"


def print_heading(title: str, ours: str = "ours", theirs: str = "theirs", ratio: str = "ratio") -> None:
    """Begin a part of the table."""
    print()
    print(COLUMNS.format(title, ours, theirs, ratio, "goal"))


def print_row(what: str, ours: str, theirs: str = "", ratio: float | None = None, goal: str = "") -> None:
    """Print one line of it, as soon as it is known."""
    print(COLUMNS.format(what, ours, theirs, "" if ratio is None else f"{ratio:.3f}", goal).rstrip(), flush=True)
