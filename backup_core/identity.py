"""Who the files of a restore belong to: ScyllaDB takes only those of its own user.

Root takes on that user for as long as it works in the user's directories, so that a link planted there leads no
further than the user itself could go. Only the effective ids change; the kernel gives them back to a real root.
"""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from backup_core.errors import PermissionDeniedError


@dataclass(frozen=True, slots=True)
class Owner:
    """User and group of a directory, as numbers: in a container neither may have a name here."""

    user_id: int
    group_id: int

    @property
    def name(self) -> str:
        """The user's name, or its number where it has none."""
        try:
            return pwd.getpwuid(self.user_id).pw_name
        except KeyError:
            return str(self.user_id)


def owner_of(descriptor: int) -> Owner:
    """Who an open file or directory belongs to."""
    status = os.fstat(descriptor)
    return Owner(status.st_uid, status.st_gid)


@contextmanager
def acting_as(owner: Owner, path: Path) -> Iterator[None]:
    """Be `owner` for the block: effective user and group, and the groups that it is in. No-op for who is it already.

    It holds for the whole process; open files stay as they are.

    Args:
        owner: of the directory that is worked in.
        path: of that directory, for the message.

    Raises:
        PermissionDeniedError: this is neither root nor the owner, or a root that may not become somebody else.
    """
    if os.geteuid() != 0:
        if os.geteuid() != owner.user_id:
            raise PermissionDeniedError(
                f"{path} belongs to {owner.name}, and ScyllaDB takes only files of that user.",
                hint=f"Run it as root: sudo alternator-backup ...; or as {owner.name}.",
            )
        yield
        return
    group_id, groups = os.getegid(), os.getgroups()
    try:
        _become(owner, path)
        yield
    finally:
        os.seteuid(0)
        if (os.getegid(), os.getgroups()) != (group_id, groups):
            os.setegid(group_id)
            os.setgroups(groups)


def _become(owner: Owner, path: Path) -> None:
    if owner == Owner(os.geteuid(), os.getegid()):
        return
    try:
        os.setgroups(_groups_of(owner))
        os.setegid(owner.group_id)
        os.seteuid(owner.user_id)
    except OSError as error:
        raise PermissionDeniedError(
            f"Root may not become {owner.name} here, who {path} belongs to: {error.strerror}.",
            hint=f"Run it as {owner.name}, or give this root the capabilities to change users.",
        ) from error


def _groups_of(owner: Owner) -> list[int]:
    """As initgroups does it: nothing of root's own groups stays."""
    try:
        name = pwd.getpwuid(owner.user_id).pw_name
    except KeyError:
        return [owner.group_id]
    return os.getgrouplist(name, owner.group_id)
