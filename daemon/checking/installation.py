"""The installation itself: is the package `daemon` that Python imports ours, and nothing but ours?"""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

import backup_core
import daemon
from backup_core.errors import SettingsError
from daemon.checking.finding import Finding, ok


PRODUCT = "alternator-backup"
OTHER_PRODUCT = "python-daemon"
"""It brings a package `daemon`, too: installed later it replaces our `__init__.py`, uninstalled it takes it away."""


def package() -> Iterator[Finding]:
    """Is everything of ours, from one place?"""
    ours = Path(backup_core.__file__).parents[1]
    imported = Path(daemon.__file__ or ours)
    hint = f"Install {PRODUCT} into a virtual environment of its own."
    if getattr(daemon, "PRODUCT", None) != PRODUCT or imported.parents[1] != ours:
        raise SettingsError(f"The package daemon that is imported is another one's: {imported}", hint=hint)
    if _is_installed(OTHER_PRODUCT):
        raise SettingsError(f"{OTHER_PRODUCT} is in the same environment, with a package of the same name.", hint=hint)
    yield ok("package", f"{PRODUCT} {version(PRODUCT)} in {ours}.")


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True
