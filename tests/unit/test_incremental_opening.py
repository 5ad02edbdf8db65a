import json
from pathlib import Path

import pytest

from backup_core.errors import ForeignRepositoryError, NotFoundError, StorageError
from backup_core.repository.incremental.keys import MARKER
from backup_core.repository.storage.local import LocalStorage
from backup_core.repository.storage.memory import MemoryStorage
from backup_core.repository.storage.protocol import Content, ObjectInfo, Storage
from tests.repository_backups import HOST_ID, FixedClock, opened
from tests.small_node import incremental_repository
from tests.storage_samples import stored


OTHER_HOST = "11111111-2222-4333-8444-555555555555"


@pytest.fixture(params=["memory", "local"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """With nothing in it."""
    return MemoryStorage(FixedClock()) if request.param == "memory" else LocalStorage(tmp_path / "not yet" / "there")


def test_a_repository_is_made_on_first_use(storage: Storage, tmp_path: Path) -> None:
    """The first to open a repository makes it its own; who comes again finds the same one."""
    repository = incremental_repository(storage, tmp_path / "state", FixedClock())
    made = repository.open(HOST_ID, "Test Cluster")
    assert (made.host_id, made.cluster) == (HOST_ID, "Test Cluster")
    again = incremental_repository(storage, tmp_path / "state", FixedClock())
    assert again.open(HOST_ID, None) == again.open_read_only() == made


def test_another_hosts_repository_is_refused(storage: Storage, tmp_path: Path) -> None:
    """A host's folder that carries another host's marker is left alone by who would write, and can be read."""
    incremental_repository(storage, tmp_path / "state", FixedClock()).open(OTHER_HOST, None)
    repository = incremental_repository(storage, tmp_path / "state", FixedClock())
    with pytest.raises(ForeignRepositoryError, match=f"belongs to host {OTHER_HOST}, and this is host {HOST_ID}"):
        repository.open(HOST_ID, None)
    marker = repository.open_read_only()
    assert marker is not None
    assert marker.host_id == OTHER_HOST


def test_of_two_that_come_at_once_one_has_it(tmp_path: Path) -> None:
    """Two hosts that find nothing at the same moment don't both believe that it is theirs."""

    class LateStorage(MemoryStorage):
        def put(self, key: str, content: Content, *, if_absent: bool = False) -> ObjectInfo:
            if not list(self.list("")):
                incremental_repository(theirs, tmp_path / "theirs", FixedClock()).open(OTHER_HOST, None)
            return super().put(key, content, if_absent=if_absent)

    theirs = MemoryStorage(FixedClock())
    ours = LateStorage(FixedClock())
    ours._objects = theirs._objects  # noqa: SLF001  (the same objects)
    with pytest.raises(ForeignRepositoryError, match=OTHER_HOST):
        incremental_repository(ours, tmp_path / "state", FixedClock()).open(HOST_ID, None)


def test_what_is_not_there_is_not_made_by_reading(storage: Storage, tmp_path: Path) -> None:
    """Who only reads is told that there is none, and makes none."""
    repository = incremental_repository(storage, tmp_path / "state", FixedClock())
    with pytest.raises(NotFoundError):
        repository.open_read_only()
    assert not (tmp_path / "not yet").exists()
    assert not (tmp_path / "state").exists()


def test_the_other_mode_is_refused(tmp_path: Path) -> None:
    """A directory in archive mode isn't opened as an incremental one, whoever's it is."""
    opened(tmp_path / "backups")
    repository = incremental_repository(LocalStorage(tmp_path / "backups"), tmp_path / "state", FixedClock())
    with pytest.raises(ForeignRepositoryError, match="in archive mode; known here is version 1 in incremental mode"):
        repository.open(HOST_ID, None)
    with pytest.raises(ForeignRepositoryError, match="in archive mode"):
        repository.open_read_only()


@pytest.mark.parametrize(
    "changed",
    [{"repository_id": "../../elsewhere"}, {"repository_id": 5}, {"created_at": "yesterday"}, {"host_id": ...}],
)
def test_a_marker_that_is_none_is_refused(tmp_path: Path, changed: dict[str, object]) -> None:
    """A marker that can't be true is no reason to write anywhere: its id becomes a name in the state directory."""
    storage = MemoryStorage(FixedClock())
    repository = incremental_repository(storage, tmp_path / "state", FixedClock())
    repository.open(HOST_ID, None)
    fields = json.loads(stored(storage, MARKER)) | changed
    content = {name: value for name, value in fields.items() if value is not ...}
    storage.put(MARKER, Content.of(json.dumps(content).encode()))
    with pytest.raises(StorageError, match=r"~repository\.json can't be read"):
        repository.open(HOST_ID, None)
