"""Prunes, forgets or holds again and again, killed before one operation after the other.

`python -m tests.faults.removal_crashes TEMPLATE CASES prune|forget|hold`
"""

import sys
from pathlib import Path

from backup_core.cancel import CancelToken
from backup_core.lock import TableLocks
from backup_core.repository.forgetting import forget, forgettable
from backup_core.repository.holds import Hold
from backup_core.repository.local import LocalRepository
from backup_core.repository.pruning import prune
from backup_core.repository.retention import Policies, Policy
from tests.faults.crash_cases import make_cases
from tests.repository_backups import RecordingReporter, opened
from tests.retention_cases import NOW


HELD_TAG = "1733310000"
POLICIES = Policies(Policy(keep_last=1))


def pruning(target: LocalRepository) -> None:
    """What a run does after its backup."""
    locks = TableLocks(target.path.parent / "locks")
    prune(target, POLICIES, NOW, locks, reporter=RecordingReporter(), cancel=CancelToken())


def forgetting(target: LocalRepository) -> None:
    """What `forget users` does."""
    forget(target, forgettable(target, "users", None), RecordingReporter())


def holding(target: LocalRepository) -> None:
    """What `hold users TAG` does."""
    target.hold(target.find("users", HELD_TAG), Hold("alice", NOW))


ACTIONS = {"prune": pruning, "forget": forgetting, "hold": holding}


if __name__ == "__main__":
    make_cases(Path(sys.argv[1]), Path(sys.argv[2]), lambda case: ACTIONS[sys.argv[3]](opened(case)))
