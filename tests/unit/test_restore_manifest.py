"""Manifests that can't be true are refused before their archives are opened."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backup_core.errors import ManifestError
from backup_core.repository.manifest import parse_manifest
from backup_core.repository.summary import parse_summary
from backup_core.restore.backup_content import backup_content
from tests.repository_backups import opened, publish


Change = Callable[[dict[str, Any]], None]


def _rename(name: str) -> Change:
    return lambda told: told["files"][0].update(name=name)


LIES: dict[str, tuple[Change, str]] = {
    "upwards": (_rename(".."), "is no file of an SSTable"),
    "foreign": (_rename("notes.txt"), "is no file of an SSTable"),
    "other-format": (_rename("la-1-big-Data.db"), "is no file of an SSTable"),
    "twice": (lambda told: told["files"].append(told["files"][0]), "is in it twice"),
    "larger": (lambda told: told["files"][0].update(size_bytes=10**15), "don't make a tar stream"),
    "bomb": (lambda told: told["objects"][0].update(plain_size_bytes=10**15), "don't make a tar stream"),
    "other-table": (lambda told: told["table"].update(name="orders"), "is that of a table 'orders'"),
    "other-archive": (lambda told: told["objects"][0].update(name="passwd"), "names 'passwd' as the archive"),
}


@pytest.mark.parametrize(("lie", "words"), LIES.values(), ids=LIES)
def test_manifests_that_contradict_themselves(tmp_path: Path, lie: Change, words: str) -> None:
    """Names that no SSTable has, files named twice, sizes that don't add up, another table or archive: refused."""
    repository = opened(tmp_path / "backups")
    publish(repository, tmp_path / "data")
    listing = repository.find("users")
    manifest = repository.manifest(listing)
    assert backup_content(repository, listing, manifest).files
    told = manifest.model_dump(mode="json")
    lie(told)
    with pytest.raises(ManifestError, match=words):
        backup_content(repository, listing, type(manifest).model_validate(told))


def test_a_manifest_that_is_nested_too_deep() -> None:
    """It is a manifest that can't be read, and no bug of ours."""
    with pytest.raises(ManifestError, match="can't be read"):
        parse_manifest(b"[" * 200_000)
    with pytest.raises(ManifestError, match="can't be read"):
        parse_summary(b"[" * 200_000)
