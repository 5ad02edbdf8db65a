"""What can be the key of an object, and what becomes of it in a directory and a bucket."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backup_core.clock import SystemClock
from backup_core.errors import StorageError
from backup_core.repository.incremental.keys import TableKeys
from backup_core.repository.storage.keys import check_folder, check_key, check_prefix, is_key
from backup_core.repository.storage.local import LocalStorage
from backup_core.repository.storage.memory import MemoryStorage
from backup_core.repository.storage.protocol import Content
from tests.storage_samples import keys, stored


PARTS = st.text(st.sampled_from("ab-.~ é/\\:*%+"), min_size=1, max_size=6)
TEXTS = st.one_of(st.text(max_size=30), st.lists(PARTS, max_size=4).map("/".join))
KEYS = TEXTS.filter(is_key)


@given(TEXTS)
def test_a_key_is_a_path_below_the_root(text: str) -> None:
    """Whatever is a key names a file below a root and nothing else, and goes into XML and a URL as it is."""
    if not is_key(text):
        with pytest.raises(StorageError):
            check_key(text)
        return
    root = Path("/root")
    assert (root / text).is_relative_to(root)
    assert (root / text).resolve() == root / text
    assert str(root / text) == f"/root/{text}"
    assert text.encode().isascii() or text.isprintable()


@given(KEYS)
def test_prefixes_and_folders_of_a_key_are_taken(key: str) -> None:
    """Each beginning of a key can be asked for, and each folder of it."""
    for end in range(len(key)):
        if not key[:end].endswith("//"):
            assert check_prefix(key[:end]) == key[:end]
    for folder in range(key.count("/")):
        parts = key.split("/")[: folder + 1]
        assert check_folder("/".join(parts) + "/").endswith("/")


@pytest.mark.parametrize("prefix", ["..//", "/", "../x", "a//b", "~tmp-x/"])
def test_what_no_key_starts_with_is_refused(prefix: str) -> None:
    """A prefix that leads elsewhere is none."""
    with pytest.raises(StorageError):
        check_prefix(prefix)


def test_a_folder_ends_with_a_slash() -> None:
    """The beginning of a name is no folder."""
    with pytest.raises(StorageError, match="ends with /"):
        check_folder("users")


@pytest.mark.parametrize("table_name", ["abc", "a.b", "a-b", "A_1", ".x.", "x" * 222])
def test_keys_of_all_tables_are_keys(table_name: str) -> None:
    """Alternator's longest and oddest names of tables give keys that every storage takes."""
    found = TableKeys(table_name, "0" * 32)
    for key in (found.manifest("12345678901"), found.damaged, found.object("me-3gx8_0abc_123-components.tar.zst.age")):
        assert check_key(key) == key


@settings(max_examples=30)
@given(st.lists(KEYS, unique=True, max_size=8), st.data())
def test_directories_and_memory_agree(chosen: list[str], data: st.DataObject) -> None:
    """A directory lists, groups and removes what memory does, in the same order, whatever the names."""
    chosen = [key for key in chosen if not any(other.startswith(f"{key}/") for other in chosen)]
    with TemporaryDirectory() as root:
        local, memory = LocalStorage(Path(root)), MemoryStorage(SystemClock())
        for storage in (local, memory):
            for key in chosen:
                storage.put(key, Content.of(key.encode()))
        removed = data.draw(st.sets(st.sampled_from(chosen))) if chosen else set()
        for storage in (local, memory):
            storage.delete(removed)
        prefixes = {"", *(key[: len(key) // 2] for key in chosen)}
        for prefix in (prefix for prefix in prefixes if prefix[-2:] != "//"):
            assert keys(local, prefix) == keys(memory, prefix)
        for folder in {"", *(f"{key.rpartition('/')[0]}/" for key in chosen if "/" in key)}:
            assert list(local.folders(folder)) == list(memory.folders(folder))
        assert {key: stored(local, key) for key in keys(local)} == {key: key.encode() for key in set(chosen) - removed}
        local.close()
