"""Where `restore` looks for backups: what is a repository, and what is said of what is none."""

import argparse
from pathlib import Path
from queue import SimpleQueue

import pytest

from backup_core.cancel import CancelToken
from backup_core.errors import NotFoundError
from daemon.invocation import Invocation
from daemon.output import Output
from daemon.restore_sources import restore_sources
from tests.repository_backups import TAG, opened, publish


def invocation(tmp_path: Path, **paths: Path) -> Invocation:
    """A call with settings of repositories, by name."""
    tables = [f'[repository.{name}]\npath = "{path}"\n' for name, path in paths.items()]
    (tmp_path / "settings.toml").write_text("".join((*tables, f'[state]\ndirectory = "{tmp_path / "state"}"\n')))
    arguments = argparse.Namespace(settings=tmp_path / "settings.toml")
    return Invocation(arguments, Output(), CancelToken(), SimpleQueue())


def test_a_directory_that_is_no_repository_had_no_backup(tmp_path: Path) -> None:
    """Whatever directory is named is said to be none, with the one that may have been meant."""
    publish(opened(tmp_path / "backups"), tmp_path / "data")
    (tmp_path / "empty").mkdir()
    (tmp_path / "documents" / "users" / "old").mkdir(parents=True)
    (tmp_path / "documents" / "users" / "letter.txt").write_text("Dear users")
    configured = invocation(tmp_path, local=tmp_path / "backups")
    for name in ("empty", "documents"):
        with pytest.raises(NotFoundError, match=rf"{name} is no repository: .* has a directory for each table\."):
            restore_sources(configured, [str(tmp_path / name)])
    for inside in ("users", f"users/{TAG}"):
        with pytest.raises(NotFoundError, match=rf"is no repository: .* It is inside of {tmp_path / 'backups'}, which"):
            restore_sources(configured, [str(tmp_path / "backups" / inside)])
    with pytest.raises(NotFoundError, match="'nowhere', neither in the settings nor as a directory. There is: local"):
        restore_sources(configured, ["nowhere"])


def test_what_the_predecessor_left_is_a_repository(tmp_path: Path) -> None:
    """It has no marker, and backups all the same; our own has a marker from the beginning."""
    legacy = tmp_path / "legacy" / "users"
    legacy.mkdir(parents=True)
    (legacy / "table_schema.cql").write_text("CREATE TABLE ...")
    opened(tmp_path / "backups")
    paths = [str(tmp_path / "legacy"), str(tmp_path / "backups")]
    found = restore_sources(invocation(tmp_path, local=tmp_path / "elsewhere"), paths)
    assert [repository.address for repository in found] == paths


def test_a_disk_that_is_not_mounted_was_a_repository_without_backups(tmp_path: Path) -> None:
    """The mount point alone isn't the repository of the settings; where another one is there, that will do."""
    (tmp_path / "mount").mkdir()
    with pytest.raises(NotFoundError, match=r"mount is no repository: .* Is its disk mounted\?"):
        restore_sources(invocation(tmp_path, local=tmp_path / "mount"), None)
    opened(tmp_path / "backups")
    both = invocation(tmp_path, local=tmp_path / "mount", other=tmp_path / "backups")
    assert [repository.name for repository in restore_sources(both, None)] == ["other"]
