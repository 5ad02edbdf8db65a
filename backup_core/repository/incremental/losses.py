"""`damaged.json` of a table: objects that can't be used any more, so that no backup is made of them.

Names those that were found damaged, until they are swept; and tells when objects were last removed, so that a
catalogue that hasn't heard of it (another one, or one that was put back from a copy) isn't believed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from backup_core.errors import StorageError
from backup_core.repository.incremental.keys import TableKeys
from backup_core.repository.incremental.small_objects import read_object
from backup_core.repository.storage.protocol import Content, Storage


FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Losses:
    """What has become of a table's objects.

    Attributes:
        damaged: what was found, by the names of the objects.
        removed_at: when some were last removed, RFC 3339; empty if none ever was.
    """

    damaged: Mapping[str, str] = field(default_factory=dict)
    removed_at: str = ""


def read_losses(storage: Storage, keys: TableKeys) -> Losses:
    """The losses of a table.

    Raises:
        StorageError: the object can't be read as such.
        BackupError: as the store refuses.
    """
    content = read_object(storage, keys.damaged)
    if content is None:
        return Losses()
    try:
        fields = json.loads(content)
        if fields["format_version"] != FORMAT_VERSION:
            raise ValueError(f"format version {fields['format_version']}")  # noqa: TRY301
        damaged = {str(name): str(problem) for name, problem in fields["damaged"].items()}
        return Losses(damaged, str(fields["removed_at"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StorageError(
            f"{storage.address}/{keys.damaged} can't be read: {error}",
            hint="Remove it and run `verify --deep`, which writes it anew.",
        ) from error


def write_losses(storage: Storage, keys: TableKeys, losses: Losses) -> None:
    """Write down the losses of a table, over the former ones.

    Raises:
        BackupError: as the store refuses.
    """
    fields = {"format_version": FORMAT_VERSION, "removed_at": losses.removed_at, "damaged": dict(losses.damaged)}
    storage.put(keys.damaged, Content.of(json.dumps(fields, indent=1).encode() + b"\n"))
