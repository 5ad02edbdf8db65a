"""What `repository check` finds in either mode."""

from pathlib import Path

from backup_core.repository.findings import Findings, Orphans
from backup_core.repository.storage.protocol import Content
from tests.repository_backups import HOST_ID, opened, published
from tests.stepped_site import KEYS, site_in
from tests.storage_samples import stored


def test_a_repository_as_it_should_be(tmp_path: Path) -> None:
    """Nothing is missing and nothing is too much, also with notes beside the backups."""
    site = site_in(tmp_path)
    site.back_up("1")
    site.verify(site.back_up("1", "2"))
    found = site.repository.check(site.clock.now())
    assert found == Findings(host_id=HOST_ID, tables=1, backups=2)
    assert found.lost == ()


def test_what_is_missing_and_what_is_too_much(tmp_path: Path) -> None:
    """All of it is told at once, and nothing is changed."""
    site = site_in(tmp_path)
    generations = (("1", "2"), ("2", "3"), ("3",), ("4",), ("5",))
    first, second, third, died, vanished = (site.back_up(*names) for names in generations)
    size_bytes = site.store.stat(KEYS.object("1-Data.db.zst")).size_bytes  # type: ignore[union-attr]
    site.repository.remove(first)
    site.store.delete([KEYS.object("2-Data.db.zst"), KEYS.manifest(died.tag)])
    site.store.delete([KEYS.manifest(vanished.tag), KEYS.summary(vanished.tag)])
    site.spoil("3-components.tar.zst")
    site.store.put(KEYS.manifest(third.tag), Content.of(stored(site.store, KEYS.manifest(third.tag))[:-9]))
    for key in ("README.txt", "users/mine/a", f"{KEYS.objects}notes.txt", f"{KEYS.root}own.json"):
        site.store.put(key, Content.of(b"mine"))
    before = site.all_keys()
    found = site.repository.check(site.clock.now())
    assert site.all_keys() == before
    assert (found.tables, found.backups) == (1, 2)
    sizes = {stored.name: stored.stored_size_bytes for stored in site.repository.manifest(second).objects}
    other_size = f"has 40 bytes instead of {sizes['3-components.tar.zst']}"
    assert found.missing == (
        f"users/{second.tag}: 2-Data.db.zst is missing",
        f"users/{second.tag}: 3-components.tar.zst {other_size}",
    )
    (unreadable,) = found.unreadable
    assert unreadable.startswith(f"users/{third.tag}: ")
    assert found.vanished == (f"users/{vanished.tag}: this node made it, and somebody else has removed it",)
    assert found.debris == (f"{KEYS.summary(died.tag)}: no manifest",)
    assert set(found.foreign) == {"README.txt", "users/mine/a", f"{KEYS.objects}notes.txt", f"{KEYS.root}own.json"}
    assert found.orphans == Orphans(), "what an unreadable manifest needs, nobody knows"
    site.repository.remove(third)
    orphans = site.repository.check(site.clock.now()).orphans
    assert orphans.objects > 0
    assert orphans.size_bytes > size_bytes
    assert orphans.old == 0
    site.clock.step(hours=50)
    assert site.repository.check(site.clock.now()).orphans.old == orphans.objects


def test_archives_are_looked_at_as_well(tmp_path: Path) -> None:
    """A lost archive, what a crash has left, and what isn't ours."""
    target = opened(tmp_path / "backups")
    location = published(target, tmp_path / "data")
    assert target.check(target.open_read_only().created_at) == Findings(host_id=HOST_ID, tables=1, backups=1)  # type: ignore[union-attr]
    (location / "users_backup.tar.gz").unlink()
    (target.path / "~tmp-put-1234").mkdir()
    (target.path / "users" / "1733313099").mkdir()
    (target.path / "my notes").write_text("mine")
    found = target.check(target.open_read_only().created_at)  # type: ignore[union-attr]
    assert found.missing == ("users/1733313018: archive missing: users_backup.tar.gz",)
    assert found.debris == ("~tmp-put-1234: unfinished", "users/1733313099: no manifest")
    assert found.foreign == ("my notes",)
