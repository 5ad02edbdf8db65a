"""Prints docs/settings.md, made from the models of the settings: `python -m daemon.settings_page`."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from daemon.credentials import DELIMITER
from daemon.settings_file import ENVIRONMENT_PREFIX, Settings


HEAD = """# Settings, key by key

Made from the code by `make docs`: change it there. What is needed to begin with stands in the
[README](../README.md#settings); [settings.toml](../settings.toml) is a file with all of this.

`NAME` is a name of yours: letters, digits, `-` and `_`.
"""

COLUMNS = ("Key", "Values", "Default", "Meaning")

_KINDS = {bool: "`true`, `false`", int: "integer", float: "number", str: "text", SecretStr: "secret"}


@dataclass(frozen=True, slots=True)
class PageSection:
    """A table of settings.toml.

    Attributes:
        path: its name, with NAME for what the user names.
        is_list: whether there can be several, each headed by double brackets.
        model: what it can say.
    """

    path: str
    is_list: bool
    model: type[BaseModel]

    @property
    def keys(self) -> dict[str, FieldInfo]:
        """Its keys that are no tables themselves."""
        return {name: field for name, field in self.model.model_fields.items() if _table_of(field)[0] is None}


def sections(model: type[BaseModel] = Settings, path: str = "") -> Iterator[PageSection]:
    """All tables below a model, outer ones before those inside them."""
    for name, field in model.model_fields.items():
        table, kind = _table_of(field)
        if table is not None:
            inner = f"{path}.{name}".lstrip(".") + (".NAME" if kind is dict else "")
            yield PageSection(inner, kind is tuple, table)
            yield from sections(table, inner)


def settings_page() -> str:
    """The page, in Markdown."""
    return "\n".join([HEAD, *(_section(section) for section in sections())])


def _table_of(field: FieldInfo) -> tuple[type[BaseModel] | None, object]:
    """The model of a table, and what holds it if there can be several: a dict by name, a tuple; None for a key."""
    kind, items = get_origin(field.annotation), get_args(field.annotation)
    candidate: Any = field.annotation
    if kind is dict:
        candidate = items[1]
    elif kind is tuple:
        candidate = items[0]
    is_table = isinstance(candidate, type) and issubclass(candidate, BaseModel)
    return (candidate if is_table else None), kind


def _section(section: PageSection) -> str:
    heading = f"[[{section.path}]]" if section.is_list else f"[{section.path}]"
    rows = [_row(f"{section.path}.{name}", name, field) for name, field in section.keys.items()]
    about = " ".join((section.model.__doc__ or "").split()).partition(": ")[2]
    return "\n".join(
        [
            f"## `{heading}`",
            "",
            *([f"{about[:1].upper()}{about[1:]}", ""] if about else []),
            _cells(COLUMNS),
            _cells(("---",) * len(COLUMNS)),
            *map(_cells, rows),
            "",
        ]
    )


def _row(path: str, name: str, field: FieldInfo) -> tuple[str, ...]:
    meaning = field.description or ""
    if field.annotation is SecretStr:
        credential = path.replace(".", DELIMITER)
        meaning += f": `{ENVIRONMENT_PREFIX}{credential.upper()}`, or credential `{credential}`"
    return f"`{name}`", _values(field.annotation), _default(field), meaning


def _values(annotation: Any) -> str:
    """Words for what a key can be set to."""
    kind, items = get_origin(annotation), get_args(annotation)
    if kind is Literal:
        return ", ".join(f"`{item}`" for item in items)
    if kind is Annotated:
        return _values(items[0])
    if kind in {Union, UnionType}:
        return " or ".join(_values(item) for item in items if item is not type(None))
    if kind is tuple:
        return f"list of {_values(items[0])}"
    return _KINDS.get(annotation, "path")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "has to be set"
    default = field.default
    if default is None or isinstance(default, SecretStr):
        return "not set"
    return f"`{json.dumps(default)}`"


def _cells(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.stdout.write(settings_page())
