import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backup_core.errors import IntegrityError, ManifestError, NotFoundError
from backup_core.model import Table
from backup_core.repository.local import LocalRepository
from backup_core.repository.manifest import parse_manifest, summarize
from backup_core.restore.choice import choose
from backup_core.restore.definition import table_definition
from tests.repository_backups import TAG, USERS, opened, publish, repository
from tests.restore_samples import recorded_statements


LATER = str(int(TAG) + 60)
LATER_STILL = str(int(TAG) + 120)
OTHER_HOST = "00000000-0000-4000-8000-000000000000"


def change_manifest(location: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Rewrite a manifest with its summary, as somebody would who wants nobody to notice."""
    content = json.loads((location / "manifest.json").read_bytes())
    change(content)
    written = json.dumps(content).encode()
    (location / "manifest.json").write_bytes(written)
    (location / "summary.json").write_bytes(summarize(parse_manifest(written), written).to_json())


def sha256_of(path: Path) -> str:
    """Of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def without_description(content: dict[str, Any]) -> None:
    """A manifest that doesn't name the description."""
    content["objects"] = [each for each in content["objects"] if each["name"] != "alternator_schema.json"]


def tags(*repositories: LocalRepository, **wanted: Any) -> list[str]:
    """Tags of what is chosen."""
    return [source.listing.tag for source in choose(repositories, "users", **wanted)]


def test_the_newest_complete_backup_is_chosen(tmp_path: Path) -> None:
    """Without a tag it is the newest that is whole; a damaged one that is newer isn't taken."""
    here = opened(tmp_path / "backups")
    for tag in (TAG, LATER, LATER_STILL):
        publish(here, tmp_path / "data", tag=tag)
    (tmp_path / "backups/users" / LATER_STILL / "users_backup.tar.gz").unlink()
    (source,) = choose((here,), "users")
    assert source.listing.tag == LATER
    assert source.manifest is not None
    assert source.manifest.tag == LATER
    assert source.description["table"]["TableName"] == "users"
    assert source.listing.manifest_sha256 == sha256_of(Path(source.listing.location, "manifest.json"))


def test_a_moment_chooses_the_newest_that_is_not_later(tmp_path: Path) -> None:
    """The snapshot's time counts; where all are later, the oldest is named."""
    here = opened(tmp_path / "backups")
    for tag in (TAG, LATER):
        publish(here, tmp_path / "data", tag=tag)
    first = datetime.fromtimestamp(int(TAG), UTC)
    assert tags(here, at=first) == [TAG]
    assert tags(here, at=first + timedelta(seconds=59)) == [TAG]
    assert tags(here, at=first + timedelta(days=1)) == [LATER]
    with pytest.raises(NotFoundError, match=f"oldest is {TAG}"):
        tags(here, at=first - timedelta(seconds=1))


def test_what_is_not_there_names_what_is_close(tmp_path: Path) -> None:
    """A table, a tag, or a name that can be no table's: each is answered with what there is, of every repository."""
    one, two = (opened(tmp_path / name) for name in ("one", "two"))
    publish(one, tmp_path / "data")
    publish(two, tmp_path / "data", Table("userz", USERS.id))
    with pytest.raises(NotFoundError, match="Close to it: users.*Close to it: userz"):
        choose((one, two), "user")
    with pytest.raises(NotFoundError, match=f"Nearest: {TAG}"):
        tags(one, tag=LATER)
    with pytest.raises(NotFoundError, match=r"\.\./users"):
        choose((one,), "../users")
    with pytest.raises(NotFoundError, match="no repository"):
        choose((), "users")


def test_a_damaged_backup_is_refused_with_the_reason(tmp_path: Path) -> None:
    """Asked for by its tag, or the only one: it is said what is wrong; a whole copy elsewhere takes its place."""
    here, copy = opened(tmp_path / "backups"), opened(tmp_path / "copies")
    stored = publish(here, tmp_path / "data")
    (Path(stored.location) / "users_backup.tar.gz").write_bytes(b"short")
    for wanted in ({}, {"tag": TAG}):
        with pytest.raises(IntegrityError, match="5 bytes instead of"):
            tags(here, **wanted)
    publish(copy, tmp_path / "other data")
    (source,) = choose((here, copy), "users", TAG)
    assert source.repository is copy


def test_every_host_that_has_the_tag_gives_one_backup(tmp_path: Path) -> None:
    """The first repository that has a host's backup counts; a host that isn't there is left to the coverage."""
    own, copy, other = (opened(tmp_path / name) for name in ("own", "copy", "other"))
    for number, each in enumerate((own, copy, other)):
        publish(each, tmp_path / f"data {number}")
    publish(own, tmp_path / "data 4", tag=LATER)
    change_manifest(tmp_path / "other/users" / TAG, lambda content: content["node"].update(host_id=OTHER_HOST))
    sources = choose((own, copy, other), "users", TAG)
    assert [source.repository for source in sources] == [own, other]
    assert tags(own, copy, other) == [LATER]


def test_backups_of_different_tables_are_not_mixed(tmp_path: Path) -> None:
    """One tag, one name, and two ids: these were never one table."""
    one, two = opened(tmp_path / "one"), opened(tmp_path / "two")
    publish(one, tmp_path / "data 1")
    publish(two, tmp_path / "data 2", Table("users", "f" * 32))
    change_manifest(tmp_path / "two/users" / TAG, lambda content: content["node"].update(host_id=OTHER_HOST))
    with pytest.raises(ManifestError, match="different tables"):
        tags(one, two, tag=TAG)


def test_the_expected_manifest_is_the_only_one_taken(tmp_path: Path) -> None:
    """Who has noted the hash is told of any other content, whoever made it consistent again."""
    here = opened(tmp_path / "backups")
    stored = publish(here, tmp_path / "data")
    noted = sha256_of(Path(stored.location) / "manifest.json")
    assert tags(here, expect_manifest=noted.upper()) == [TAG]
    assert tags(here, expect_manifest=f"{'0' * 64}, {noted}") == [TAG]
    change_manifest(Path(stored.location), lambda content: content["node"].update(rack="elsewhere"))
    assert tags(here) == [TAG]
    with pytest.raises(ManifestError, match="not the expected one"):
        tags(here, expect_manifest=noted)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda content: content["table"].update(keyspace="system"), "in keyspace system"),
        (lambda content: content["table"].update(name="orders"), "that of orders"),
        (without_description, "names no alternator_schema.json"),
    ],
)
def test_a_manifest_that_contradicts_its_place_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], words: str
) -> None:
    """Another keyspace, another table, a description that isn't listed: one line, and nothing is planned."""
    stored = publish(opened(tmp_path / "backups"), tmp_path / "data")
    change_manifest(Path(stored.location), change)
    with pytest.raises((ManifestError, IntegrityError), match=words):
        tags(repository(tmp_path / "backups"))


def test_a_description_that_was_changed_is_refused(tmp_path: Path) -> None:
    """Its SHA-256 is held against the manifest's."""
    stored = publish(opened(tmp_path / "backups"), tmp_path / "data")
    path = Path(stored.location) / "alternator_schema.json"
    path.write_bytes(path.read_bytes().replace(b'"pk"', b'"qk"'))
    with pytest.raises(IntegrityError, match="another content"):
        tags(repository(tmp_path / "backups"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(content=st.sampled_from([b"[]", b"null", b"{", b"\xff", b"[" * 100_000, b'{"a": NaN}']) | st.binary(max_size=30))
def test_a_hostile_description_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    """Whatever bytes somebody puts there, with hashes that fit: never anything but an error of ours."""
    here = repository(tmp_path / "backups")
    location = tmp_path / "backups/users" / TAG
    if not location.exists():
        publish(opened(tmp_path / "backups"), tmp_path / "data")
    (location / "alternator_schema.json").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()

    def fit(manifest: dict[str, Any]) -> None:
        (description,) = (each for each in manifest["objects"] if each["name"] == "alternator_schema.json")
        description.update(stored_sha256=digest, plain_sha256=digest)
        description.update(stored_size_bytes=len(content), plain_size_bytes=len(content))

    change_manifest(location, fit)
    with pytest.raises(ManifestError) as refused:
        table_definition(choose((here,), "users")[0].description)
    assert "\n" not in str(refused.value)


def test_what_the_predecessor_left_restores_too(tmp_path: Path) -> None:
    """It is chosen where there is nothing else, or by its tag, and described by its DDL."""
    directory = tmp_path / "backups/users"
    directory.mkdir(parents=True)
    table, *views = recorded_statements("6.2.3", "users")
    (directory / "table_schema.cql").write_text(table)
    for number, view in enumerate(views, start=1):
        (directory / f"materialized_view_{number}.cql").write_text(view)
    (directory / "users_backup.tar.gz").write_bytes(b"archive")
    here = repository(tmp_path / "backups")
    (source,) = choose((here,), "users")
    assert source.listing.tag.startswith("legacy-")
    assert (source.manifest, source.listing.manifest_sha256) == (None, None)
    assert len(table_definition(source.description).global_indexes) == 2
    with pytest.raises(ManifestError, match="has no manifest"):
        tags(here, expect_manifest="0" * 64)

    here.open("6d2a9f0c-3c3c-4f0e-8f57-0f3c1e6a9b11", None)
    publish(here, tmp_path / "data")
    assert tags(here) == [TAG]
    assert tags(here, tag=source.listing.tag) == [source.listing.tag]


def test_an_archive_without_its_ddl_says_so(tmp_path: Path) -> None:
    """Nothing tells what the table was like: that is said, not guessed."""
    directory = tmp_path / "backups/users"
    directory.mkdir(parents=True)
    (directory / "users_backup.tar.gz").write_bytes(b"archive")
    with pytest.raises(ManifestError, match=r"no table_schema\.cql"):
        tags(repository(tmp_path / "backups"))
