"""What `[repository.NAME]` can say: a directory or a bucket, each with keys of its own; problems have their keys."""

from pathlib import Path

import pytest

from backup_core.errors import SettingsError
from daemon.settings_file import Settings, load_settings
from daemon.settings_repositories import LocalRepositorySettings, S3RepositorySettings


KEY = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
SECRET = "hunter2-never-tell"


def loaded(tmp_path: Path, text: str) -> Settings:
    """Settings of such a file."""
    path = tmp_path / "settings.toml"
    path.write_text(text)
    return load_settings(path)


def problems(tmp_path: Path, text: str) -> tuple[str, ...]:
    """What is wrong with such a file."""
    with pytest.raises(SettingsError) as refused:
        loaded(tmp_path, text)
    assert SECRET not in str(refused.value)
    return refused.value.problems


def test_a_repository_is_a_directory_unless_it_says_otherwise(tmp_path: Path) -> None:
    """`kind` chooses the model; a prefix is taken with and without slashes at its ends."""
    settings = loaded(
        tmp_path,
        f"""
        [repository.local]
        path = "backups"
        [repository.shared]
        path = "shared"
        mode = "incremental"
        encrypt_to = ["{KEY}"]
        [repository.offsite]
        kind = "s3"
        bucket = "scylla-backups"
        prefix = "/production/cluster/"
        retention = {{ keep_daily = 14 }}
        """,
    )
    local, shared, offsite = settings.repository.values()
    assert isinstance(local, LocalRepositorySettings)
    assert (local.path, local.mode) == (tmp_path / "backups", "archive")
    assert (shared.mode, shared.encrypt_to) == ("incremental", (KEY,))
    assert isinstance(offsite, S3RepositorySettings)
    assert (offsite.mode, offsite.prefix, offsite.grace) == ("incremental", "production/cluster", "48h")
    assert offsite.retention.keep_daily == 14


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('kind = "s4"', "kind: has to be 'local' or 's3'"),
        ("kind = 3", "kind: has to be 'local' or 's3'"),
        ('kind = "s3"', "bucket: has to be set"),
        ('kind = "s3"\nbucket = "b"\npath = "x"', "path: there is no such key"),
        ('path = "x"\nbucket = "b"', "bucket: there is no such key"),
        ('kind = "s3"\nbucket = "b"\nmode = "archive"', "mode: has to be 'incremental'"),
        ('kind = "s3"\nbucket = "b"\nprefix = "a/../b"', "prefix: has to be names with / between them"),
        ('kind = "s3"\nbucket = "b"\npart_size = "1MiB"', "part_size: has to be from 5MiB to 5GiB, as S3 takes it"),
        ('kind = "s3"\nbucket = "b"\nendpoint_url = "s3.example"', "endpoint_url: has to look like"),
        ('kind = "s3"\nbucket = "b"\ngrace = "soon"', "grace: 'soon' is no duration"),
        (f'kind = "s3"\nbucket = "b"\nsecret_access_key = "{SECRET}"', "give both access_key_id and secret_access_key"),
        (
            f'kind = "s3"\nbucket = "b"\nencrypt_to = ["AGE-SECRET-KEY-{SECRET}"]',
            "encrypt_to.0: has to be a public",
        ),
        (f'path = "x"\nencrypt_to = ["{KEY}"]', 'encrypt_to is for mode = "incremental"'),
        ('path = "x"\nmode = "incremental"\nformat = "tar"', 'format is for mode = "archive"'),
    ],
)
def test_what_is_wrong_is_told_with_its_key(tmp_path: Path, text: str, told: str) -> None:
    """Each problem has the path of its key, without a word about the kinds that there are behind it."""
    (problem,) = problems(tmp_path, f"[repository.offsite]\n{text}")
    assert problem.startswith(("repository.offsite." + told, "repository.offsite: " + told))


def test_two_repositories_in_one_place_are_refused(tmp_path: Path) -> None:
    """Each would count the other's backups as its own."""
    bucket = 'kind = "s3"\nbucket = "b"\nprefix = "p"\n'
    assert problems(tmp_path, f"[repository.one]\n{bucket}[repository.two]\n{bucket}") == (
        "repository.two.prefix: is the place of repository.one, too",
    )


def test_a_bucket_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its secret comes from a credential or the environment, and so may every other key, or all of it as JSON."""
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials/repository__offsite__secret_access_key").write_text(SECRET)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    monkeypatch.setenv("ALTERNATOR_BACKUP_REPOSITORY__OFFSITE__ACCESS_KEY_ID", "operator")
    monkeypatch.setenv("ALTERNATOR_BACKUP_REPOSITORY__OFFSITE__ENCRYPT_TO", f"{KEY}, {KEY}")
    monkeypatch.setenv("ALTERNATOR_BACKUP_REPOSITORY__OTHER", '{"kind": "s3", "bucket": "other"}')
    settings = loaded(tmp_path, '[repository.offsite]\nkind = "s3"\nbucket = "b"')
    offsite, other = settings.repository["offsite"], settings.repository["other"]
    assert isinstance(offsite, S3RepositorySettings)
    assert offsite.secret_access_key.get_secret_value() == SECRET
    assert offsite.encrypt_to == (KEY, KEY)
    assert SECRET not in repr(settings)
    assert isinstance(other, S3RepositorySettings)
    assert other.bucket == "other"
