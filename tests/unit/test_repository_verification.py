import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from backup_core.archive import ArchiveFormat
from backup_core.cancel import CancelToken
from backup_core.errors import IntegrityError, ManifestError, RunCancelledError
from backup_core.repository.local import LocalRepository
from backup_core.repository.summary import parse_summary
from backup_core.repository.verification import DEEP, SHALLOW, VerifyResult
from tests.repository_backups import names, opened, publish, published


def verify(target: LocalRepository, *, deep: bool) -> VerifyResult:
    """Verify the only backup of a repository."""
    (listing,) = target.backups()
    return target.verify(
        listing, depth=DEEP if deep else SHALLOW, on_progress=lambda _done_bytes: None, cancel=CancelToken()
    )


def flip(path: Path, place: int = -10) -> None:
    """Flip a bit."""
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("archive_format", list(ArchiveFormat))
@pytest.mark.parametrize("deep", [False, True])
def test_a_good_backup_passes(tmp_path: Path, archive_format: ArchiveFormat, *, deep: bool) -> None:
    """An untouched backup passes both verifications, which say how much they have looked at and how much was read."""
    target = opened(tmp_path / "backups", archive_format=archive_format)
    location = published(target, tmp_path / "data", views=1)
    heard: list[int] = []
    (listing,) = target.backups()
    checked = [location / name for name in names(location) - {"manifest.json", "summary.json"}]
    result = target.verify(listing, depth=DEEP if deep else SHALLOW, on_progress=heard.append, cancel=CancelToken())
    size_bytes = sum(path.stat().st_size for path in checked)
    assert (result.objects, result.size_bytes, result.deep) == (len(checked), size_bytes, deep)
    assert heard == sorted(heard)
    assert heard[-1:] == ([size_bytes] if deep else [])


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    """A verification doesn't stop at the first damage."""
    target = opened(tmp_path / "backups")
    location = published(target, tmp_path / "data", views=2)
    (location / "table_schema.cql").unlink()
    (location / "materialized_view_2.cql").write_text("")
    flip(location / "users_backup.tar.gz")
    flip(location / "alternator_schema.json")
    with pytest.raises(IntegrityError) as shallow:
        verify(target, deep=False)
    assert len(shallow.value.context["problems"]) == 2
    with pytest.raises(IntegrityError) as deep:
        verify(target, deep=True)
    problems = deep.value.context["problems"]
    assert len(problems) == 4
    for name in ("table_schema.cql", "materialized_view_2.cql", "users_backup.tar.gz", "alternator_schema.json"):
        assert any(name in problem for problem in problems), name
        assert name in deep.value.message
    assert deep.value.hint


@settings(max_examples=60)
@given(
    archive_format=st.sampled_from(ArchiveFormat),
    choice=st.integers(0, 2**16),
    place=st.integers(0, 2**32),
    bit=st.integers(0, 7),
)
def test_deep_verification_notices_every_flipped_bit(
    tmp_path_factory: pytest.TempPathFactory, archive_format: ArchiveFormat, choice: int, place: int, bit: int
) -> None:
    """Whichever bit of whichever file of a backup is flipped, it doesn't pass."""
    root = tmp_path_factory.mktemp("repository")
    target = opened(root / "backups", archive_format=archive_format)
    location = published(target, root / "data")
    (listing,) = target.backups()
    path = location / sorted(names(location))[choice % len(names(location))]
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 1 << bit
    assume(path.name != "summary.json" or not _says_the_same(bytes(content), path.read_bytes()))
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match=r"users/1733313018 is damaged"):
        target.verify(listing, depth=DEEP, on_progress=lambda _done_bytes: None, cancel=CancelToken())


def _says_the_same(changed: bytes, original: bytes) -> bool:
    """Whether only a blank of a summary became another."""
    try:
        return parse_summary(changed) == parse_summary(original)
    except ManifestError:
        return False


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.update(plain_size_bytes=content["plain_size_bytes"] + 1),
        lambda content: content.update(snapshot_at="2030-01-01T00:00:00.000000Z"),
        lambda content: content["verified"].update(restored="2030-01-01T00:00:00.000000Z"),
        lambda content: content.update(manifest_sha256="0" * 64),
    ],
    ids=["size", "time", "verified", "sha256"],
)
def test_an_edited_summary_is_noticed(tmp_path: Path, change: Callable[[dict[str, object]], object]) -> None:
    """A summary that says something else than the manifest fails even the quick verification."""
    target = opened(tmp_path / "backups")
    path = published(target, tmp_path / "data") / "summary.json"
    content = json.loads(path.read_bytes())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(IntegrityError, match=r"summary\.json"):
        verify(target, deep=False)


def test_verification_can_be_cancelled(tmp_path: Path) -> None:
    """A signal ends it, and isn't mistaken for damage."""
    target = opened(tmp_path / "backups")
    publish(target, tmp_path / "data")
    cancel = CancelToken()
    cancel.set(143)
    with pytest.raises(RunCancelledError) as cancelled:
        target.verify(target.backups()[0], depth=DEEP, on_progress=lambda _done_bytes: None, cancel=cancel)
    assert cancelled.value.exit_code == 143
