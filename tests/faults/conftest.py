"""Stations: one for each version and worker, back to how it was after each test; machines are made anew each time."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sandbox.node import Sandbox
from tests.faults.commands import as_root
from tests.faults.harness import LARGE_BYTES, TABLES, Station
from tests.faults.machine import Machine


@pytest.fixture(scope="session")
def stations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Station]]:
    """Makes the station of a version, once."""
    made: dict[str, Station] = {}
    with ExitStack() as stack:

        def station(version: str) -> Station:
            if version not in made:
                directory = tmp_path_factory.mktemp("station")
                node = stack.enter_context(Sandbox(version, directory=directory / "node"))
                made[version] = Station(node, directory)
                made[version].create(*TABLES)
                made[version].back_up()
            return made[version]

        yield station


@pytest.fixture(params=["6.2"])
def station(request: pytest.FixtureRequest, stations: Callable[[str], Station]) -> Iterator[Station]:
    """A node with two tables and a good backup of each; parametrize it indirectly with versions."""
    station = stations(request.param)
    yield station
    station.restored()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, which can be resized."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if not as_root():
        pytest.skip("only root can mount a disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={LARGE_BYTES * 2}", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.fixture
def machine(node: Sandbox, tmp_path: Path) -> Machine:
    """A node with one table and a daemon's schedule that is due."""
    machine = Machine(node, tmp_path)
    machine.create("users")
    machine.set_up()
    return machine
