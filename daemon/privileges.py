"""Who a command runs as: root becomes the service's user, as long as the system's settings are used.

What root makes in a repository or the state directory, the daemon could neither lock, prune nor clear. So all that
works with them is done as its user, in its groups and with its umask. This stays as it was called:

- `settings` changes nothing, and shows what only root may read;
- `restore` and `drill` need root for ScyllaDB's own directories, and take on the owner of each that they write in;
- `demo` and `sandbox` have directories of their own, and so has `baskup`, which its users call as root from cron;
- with other settings than the system's, whoever calls knows whose the repository is;
- where install.sh hasn't been, there is no such user.
"""

import argparse
import os
import pwd
from collections.abc import Callable
from contextlib import suppress

from backup_core.errors import PermissionDeniedError, SettingsError
from daemon.settings_file import FILE_NAME, SYSTEM_DIRECTORY, named_settings


SERVICE_USER = "alternator-backup"
UMASK = 0o077
"""As in the unit."""

_STAYING = frozenset({"demo", "drill", "restore", "sandbox", "settings"})


def drop_privileges(arguments: argparse.Namespace, read_secrets: Callable[[], object]) -> None:
    """Become the service's user for good, if that is what this command is to run as.

    Args:
        arguments: of the command.
        read_secrets: called first, as root: nobody else may read them where systemd doesn't hand them over.
            The daemon, which reads settings again and again, is better left to systemd.

    Raises:
        PermissionDeniedError: this root may not, as in a container without the capability.
    """
    if os.geteuid() != 0 or _service_user() is None or arguments.verb in _STAYING:
        return
    if _uses_system_settings(arguments):
        # What is wrong with the settings is the verb's to tell: doctor has its own way.
        with suppress(SettingsError):
            read_secrets()
        drop_to(SERVICE_USER)
        os.umask(UMASK)


def drop_to(name: str) -> None:
    """Become a user for good, in all groups that it is in, with its home.

    Raises:
        PermissionDeniedError: the kernel says no.
    """
    user = pwd.getpwnam(name)
    try:
        os.initgroups(name, user.pw_gid)
        os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
        os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    except OSError as error:
        raise PermissionDeniedError(
            f"Root may not become {name} here: {error.strerror}.", hint=f"Run it as {name}."
        ) from error
    os.environ.update(HOME=user.pw_dir, USER=name, LOGNAME=name)


def is_service_user() -> bool:
    """Whether this process runs as the service's user."""
    user = _service_user()
    return user is not None and os.geteuid() == user.pw_uid


def _service_user() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(SERVICE_USER)
    except KeyError:
        return None


def _uses_system_settings(arguments: argparse.Namespace) -> bool:
    system = SYSTEM_DIRECTORY / FILE_NAME
    named = named_settings(arguments.settings, os.environ)
    if named is None and getattr(arguments, "predecessor", False):
        return False
    return system.exists() and (named or system).resolve() == system.resolve()
