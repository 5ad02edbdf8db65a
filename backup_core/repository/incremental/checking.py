"""Looks at everything in an incremental repository: what backups need and isn't there, and what is there for nobody."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

from backup_core.errors import ManifestError
from backup_core.repository import layout
from backup_core.repository.findings import Findings, Orphans
from backup_core.repository.incremental.keys import MARKER, TableKeys
from backup_core.repository.incremental.manifests import read_manifest
from backup_core.repository.incremental.own_manifests import OwnManifests
from backup_core.repository.manifest import StoredObject
from backup_core.repository.storage.protocol import ObjectInfo, Storage


@dataclass(slots=True)
class _Found:
    """Findings while they are gathered."""

    tables: set[str] = field(default_factory=set)
    backups: int = 0
    orphans: list[ObjectInfo] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    debris: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


def check_repository(
    storage: Storage, own: OwnManifests, host_id: str | None, *, now: datetime, grace: timedelta
) -> Findings:
    """Look at everything, and change nothing.

    Args:
        storage: of one host.
        own: what this node has written there.
        host_id: whose it is.
        now: the time.
        grace: what is younger may be in use soon.

    Raises:
        BackupError: as the store refuses.
    """
    found = _Found()
    for keys, group in groupby(storage.list(""), key=_table_of):
        if keys is None:
            found.foreign += [info.key for info in group if info.key != MARKER]
        else:
            _check_table(storage, own, keys, {info.key: info for info in group}, found)
    return Findings(
        host_id=host_id,
        tables=len(found.tables),
        backups=found.backups,
        orphans=Orphans(
            len(found.orphans),
            sum(info.size_bytes for info in found.orphans),
            sum(now - info.modified_at > grace for info in found.orphans),
        ),
        missing=tuple(found.missing),
        unreadable=tuple(found.unreadable),
        vanished=tuple(found.vanished),
        debris=(*found.debris, *(f"{name}: unfinished" for name in storage.unfinished())),
        foreign=tuple(found.foreign),
    )


def _table_of(info: ObjectInfo) -> TableKeys | None:
    """The keys of the table that an object belongs to; None if it belongs to none."""
    name, _, rest = info.key.partition("/")
    table_id, separator, _ = rest.partition("/")
    is_table = separator and layout.is_table_name(name) and layout.is_table_id(table_id)
    return TableKeys(name, table_id) if is_table else None


def _check_table(
    storage: Storage, own: OwnManifests, keys: TableKeys, there: Mapping[str, ObjectInfo], found: _Found
) -> None:
    tags = sorted(tag for key in there if (tag := keys.tag_of(key)))
    found.tables.update([keys.table_name] if tags else [])
    found.backups += len(tags)
    found.foreign += [key for key in there if not keys.is_own(key)]
    found.debris += [f"{key}: no manifest" for key in there if (named := keys.beside(key)) and named[0] not in tags]
    found.vanished += [
        f"{keys.table_name}/{tag}: this node made it, and somebody else has removed it"
        for tag in sorted({each.tag for each in own.of_table(keys.table_id)} - set(tags))
        # A run that dies leaves a summary where its manifest would have come.
        if keys.summary(tag) not in there
    ]
    unreadable = len(found.unreadable)
    needed = _needed(storage, keys, tags, found.unreadable)
    found.missing += _missing(storage, keys, there, needed)
    if len(found.unreadable) == unreadable:
        objects = {key for key in there if key.startswith(keys.objects) and keys.is_own(key)}
        orphans = objects - {keys.object(stored.name) for stored in needed}
        found.orphans += [there[key] for key in sorted(orphans)]


def _needed(
    storage: Storage, keys: TableKeys, tags: Iterable[str], unreadable: list[str]
) -> dict[StoredObject, list[str]]:
    """Every object that a manifest names, and the tags of those that do."""
    needed: dict[StoredObject, list[str]] = defaultdict(list)
    for tag in tags:
        try:
            manifest = read_manifest(storage, keys, tag, None)
        except ManifestError as error:
            unreadable.append(f"{keys.table_name}/{tag}: {error.message}")
            continue
        for stored in manifest.objects if manifest else ():
            needed[stored].append(tag)
    return needed


def _missing(
    storage: Storage, keys: TableKeys, there: Mapping[str, ObjectInfo], needed: Mapping[StoredObject, list[str]]
) -> Iterator[str]:
    for stored, tags in needed.items():
        key = keys.object(stored.name)
        info = there.get(key)
        if info is None or info.size_bytes != stored.stored_size_bytes:
            info = storage.stat(key)
        if info is None:
            yield f"{keys.table_name}/{', '.join(tags)}: {stored.name} is missing"
        elif info.size_bytes != stored.stored_size_bytes:
            yield (
                f"{keys.table_name}/{', '.join(tags)}: {stored.name} has {info.size_bytes} bytes instead of "
                f"{stored.stored_size_bytes}"
            )
