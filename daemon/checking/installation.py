"""The installation itself: is the package `daemon` that Python imports ours?"""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import backup_core
import daemon
from backup_core.errors import SettingsError
from daemon.checking.finding import Finding, ok


PRODUCT = "alternator-backup"


def package() -> Iterator[Finding]:
    """python-daemon brings a package of the same name, and mixes with ours where both are in one environment."""
