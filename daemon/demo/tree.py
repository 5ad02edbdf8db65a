"""A directory tree as text, for people."""

from collections.abc import Iterator
from pathlib import Path

from backup_core.sizes import human_size


def tree(root: Path, expanded: Path) -> Iterator[str]:
    """Lines of a tree.

    Args:
        root: its top.
        expanded: a directory below it that is shown with everything in it; others on the way to nowhere are one line.
    """
    yield f"{root.name}/"
    yield from _branches(root, expanded, "")


def _branches(directory: Path, expanded: Path, indent: str) -> Iterator[str]:
    entries = sorted(directory.iterdir(), key=lambda path: (path.name.lstrip("~").lower(), path.name))
    for number, path in enumerate(entries, start=1):
        last = number == len(entries)
        yield f"{indent}{'└── ' if last else '├── '}{_line(path, expanded)}"
        if _is_open(path, expanded):
            yield from _branches(path, expanded, indent + ("    " if last else "│   "))


def _line(path: Path, expanded: Path) -> str:
    if path.is_symlink():
        return f"{path.name} -> {path.readlink()}"
    if not path.is_dir():
        return f"{path.name}  ({human_size(path.lstat().st_size)})"
    if _is_open(path, expanded):
        return f"{path.name}/"
    files = [inner.lstat().st_size for inner in path.rglob("*") if inner.is_file() and not inner.is_symlink()]
    return f"{path.name}/  ({len(files)} files, {human_size(sum(files))})"


def _is_open(path: Path, expanded: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and (path == expanded or path in expanded.parents)
