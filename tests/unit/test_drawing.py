"""The drawing of the house in docs/design.md, and every file that the page names, held against the code."""

import ast
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.documents import ROOT, document, fenced


DESIGN = document("docs/design.md")
DRAWN_PACKAGES = ("daemon", "backup_core")
MODULES = frozenset(
    path.relative_to(ROOT)
    for package in DRAWN_PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if path.name != "__init__.py"
)

Room = frozenset[Path]
Floor = tuple[Room, ...]


def drawn_floors() -> tuple[Floor, ...]:
    """The house from the top down: each line between two rules is a floor, each cell of it a room."""
    drawing = next(block for block in fenced(DESIGN, "text") if "┌" in block)
    floors = []
    package = ""
    for line in drawing.splitlines():
        if line.startswith("│"):
            floors.append(tuple(drawn_room(package, cell) for cell in line.strip("│").split("│")))
        elif not line.startswith(("┌", "├", "└")):
            package = line.split("/")[0]
    return tuple(floors)


def drawn_room(package: str, cell: str) -> Room:
    """The modules of a cell: files of the package by name or pattern, or everything in a folder."""
    room: set[Path] = set()
    for name in re.findall(r"[\w*]+(?:\.py|/)", cell):
        if name.endswith("/"):
            found = {path for path in MODULES if path.is_relative_to(Path(package, name))}
        else:
            found = {path for path in MODULES if path.parent == Path(package) and fnmatch(path.name, name)}
        assert found, f"{package}/{name} is drawn, and not there"
        room |= found
    return frozenset(room)


def imports_of(path: Path) -> frozenset[Path]:
    """Modules of the drawn packages that a module imports, wherever in it the import stands."""
    names: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return MODULES & {Path(*name.split(".")).with_suffix(".py") for name in names}


FLOORS = drawn_floors()


def test_every_module_is_drawn_once() -> None:
    """Each module of both packages stands in exactly one room of the drawing."""
    drawn = sorted(path for floor in FLOORS for room in floor for path in room)
    assert drawn == sorted(MODULES)


@pytest.mark.parametrize("path", sorted(MODULES), ids=str)
def test_imports_run_down(path: Path) -> None:
    """A module imports only what is in its own room or on a floor below it."""
    floor, room = next((i, room) for i, rooms in enumerate(FLOORS) for room in rooms if path in room)
    below = {other for rooms in FLOORS[floor + 1 :] for others in rooms for other in others}
    assert imports_of(path) <= room | below


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([\w/]+\.(?:py|toml|md|json))`", DESIGN))))
def test_named_files_exist(name: str) -> None:
    """Every file in the repository that the page names is there, under the path that it gives or below it."""
    of_a_repository = {"manifest.json", "summary.json", "damage.json", "damaged.json", "alternator_schema.json"}
    assert name in of_a_repository or any(path.as_posix().endswith(f"/{name}") for path in files())


def files() -> list[Path]:
    """Files of the repository's own folders, and those beside them."""
    folders = (*DRAWN_PACKAGES, "sandbox", "tests", "docs")
    return [*ROOT.iterdir(), *(path for folder in folders for path in (ROOT / folder).rglob("*.*"))]
