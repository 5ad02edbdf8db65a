"""What `repository check` finds: what is too much in a repository, and what is too little."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Orphans:
    """Objects that no backup needs; the next prune removes those that are older than the grace time.

    Attributes:
        objects, size_bytes: all of them.
        old: how many are older than that.
    """

    objects: int = 0
    size_bytes: int = 0
    old: int = 0


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found in one host's repository.

    Attributes:
        host_id: whose it is; None where nobody has said so.
        tables, backups: how many there are.
        orphans: what nobody needs.
        missing: backups, and what of them isn't there as it should be.
        unreadable: backups of which nobody can say what they need, and why.
        vanished: backups that this node has made, and that somebody else has removed, as far as it knows.
        debris: what crashes and puts under way have left half-done.
        foreign: what isn't ours.
    """

    host_id: str | None
    tables: int = 0
    backups: int = 0
    orphans: Orphans = Orphans()
    missing: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()
    debris: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()

    @property
    def lost(self) -> tuple[str, ...]:
        """All that backups are less for."""
        return (*self.missing, *self.unreadable, *self.vanished)
