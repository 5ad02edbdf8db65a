"""Keys of an incremental repository, below `<prefix>/<host id>/` or the repository's directory.

    ~repository.json                                            whose repository this is
    <table>/<table id>/sstables/<generation>-Data.db[.zst][.age]
    <table>/<table id>/sstables/<generation>-components.tar[.zst][.age]
    <table>/<table id>/sstables/snapshot-<hash>.tar[.zst][.age] the snapshot's own files: manifest.json, schema.cql
    <table>/<table id>/damaged.json                             objects that were found damaged, to be sent anew
    <table>/<table id>/verified.json                            when each object was last read back and found right
    <table>/<table id>/backups/<tag>.json                       the manifest, last: the commit
    <table>/<table id>/backups/<tag>.summary.json               what lists need; hold, damage and the like beside it

An object's name is never used again for another content: where it is taken, a part of the content's SHA-256 goes in
behind the generation, and a number where that is taken as well.
"""

import re
from dataclasses import dataclass

from backup_core.errors import StorageError
from backup_core.repository import layout


MARKER = layout.MARKER
DAMAGED = "damaged.json"
VERIFIED = layout.VERIFIED
NOTES = ("hold.json", "damage.json", "restored.json", "drill.json", "verified.json")

BESIDE = frozenset({layout.SUMMARY, *NOTES})
"""What stands beside a manifest, each with the tag before its name."""

_OBJECT = re.compile(
    r"(?:[0-9A-Za-z_]+(?:-[0-9a-f]{12}(?:-[0-9]+)?)?-(?:Data\.db|components\.tar)|snapshot-[0-9a-f]{12}(?:-[0-9]+)?\.tar)"
    r"(?:\.zst)?(?:\.age)?",
    re.ASCII,
)
_BESIDE = re.compile(r"([1-9][0-9]{0,10})\.([a-z.]+)", re.ASCII)
_MANIFEST = re.compile(r"([1-9][0-9]{0,10})\.json", re.ASCII)


@dataclass(frozen=True, slots=True)
class TableKeys:
    """Keys of one table, as it was created once.

    Raises:
        StorageError: name or id can't be a table's.
    """

    table_name: str
    table_id: str

    def __post_init__(self) -> None:
        layout.check_table_name(self.table_name)
        layout.check_table_id(self.table_id)

    @property
    def root(self) -> str:
        """What all of them start with."""
        return f"{self.table_name}/{self.table_id}/"

    @property
    def backups(self) -> str:
        """What those of its backups start with."""
        return f"{self.root}backups/"

    @property
    def objects(self) -> str:
        """What those of its data start with."""
        return f"{self.root}sstables/"

    @property
    def damaged(self) -> str:
        """Where objects that were found damaged are named."""
        return f"{self.root}{DAMAGED}"

    @property
    def verified(self) -> str:
        """Where it stands when each object was last read back."""
        return f"{self.root}{VERIFIED}"

    def object(self, name: str) -> str:
        """Of an object, by the name that a manifest has for it."""
        if "/" in name or name in {"", ".", ".."}:
            raise StorageError(f"{name!r} can't be the name of an object")
        return f"{self.objects}{name}"

    def manifest(self, tag: str) -> str:
        """Of a backup's manifest."""
        return f"{self.backups}{layout.check_tag(tag)}.json"

    def summary(self, tag: str) -> str:
        """Of a backup's summary."""
        return self.note(tag, layout.SUMMARY)

    def note(self, tag: str, name: str) -> str:
        """Of what stands beside a backup, named like the file that archive mode has: `hold.json` for example."""
        return f"{self.backups}{layout.check_tag(tag)}.{name}"

    def tag_of(self, key: str) -> str | None:
        """The tag of the backup whose manifest has that key; None if it is no manifest's."""
        found = _MANIFEST.fullmatch(key.removeprefix(self.backups))
        return found[1] if found and key.startswith(self.backups) else None

    def beside(self, key: str) -> tuple[str, str] | None:
        """Tag and name of what stands beside a manifest; None if this is no such key."""
        found = _BESIDE.fullmatch(key.removeprefix(self.backups))
        is_one = found is not None and key.startswith(self.backups) and found[2] in BESIDE
        return (found[1], found[2]) if found is not None and is_one else None

    def is_own(self, key: str) -> bool:
        """Whether we have put that: what anybody else has put there, nobody touches."""
        if key.startswith(self.objects):
            return _OBJECT.fullmatch(key.removeprefix(self.objects)) is not None
        if key.startswith(self.backups):
            return self.tag_of(key) is not None or self.beside(key) is not None
        return key in {self.damaged, self.verified}
