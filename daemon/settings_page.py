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
        kind: which of several kinds of such tables it is; empty where there is but one.
    """

    path: str
    is_list: bool
    model: type[BaseModel]
    kind: str = ""

    @property
    def keys(self) -> dict[str, FieldInfo]:
        """Its keys that are no tables themselves."""
        return {name: field for name, field in self.model.model_fields.items() if not _tables_of(field)[0]}


def sections(model: type[BaseModel] = Settings, path: str = "") -> Iterator[PageSection]:
    """All tables below a model, outer ones before those inside them."""
    for name, field in model.model_fields.items():
        tables, holder = _tables_of(field)
        inner = f"{path}.{name}".lstrip(".") + (".NAME" if holder is dict else "")
        for table in tables:
            yield PageSection(inner, holder is tuple, table, _kind(table) if len(tables) > 1 else "")
            yield from sections(table, inner)


def settings_page() -> str:
    """The page, in Markdown; what several kinds of tables have inside them stands there once."""
    return "\n".join([HEAD, *(_section(section) for section in dict.fromkeys(sections()))])


def _tables_of(field: FieldInfo) -> tuple[tuple[type[BaseModel], ...], object]:
    """The models of a table, one for each kind, and what holds it if there can be several: a dict by name, a tuple.

    A key has none.
    """
    holder, items = get_origin(field.annotation), get_args(field.annotation)
    candidate: Any = field.annotation
    if holder is dict:
        candidate = items[1]
    elif holder is tuple:
        candidate = items[0]
    kinds = get_args(_bare(candidate)) if get_origin(_bare(candidate)) in {Union, UnionType} else (candidate,)
    models = tuple(kind for kind in map(_bare, kinds) if isinstance(kind, type) and issubclass(kind, BaseModel))
    return models, holder


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _kind(table: type[BaseModel]) -> str:
    (kind,) = get_args(table.model_fields["kind"].annotation)
    return str(kind)


def _section(section: PageSection) -> str:
    heading = f"[[{section.path}]]" if section.is_list else f"[{section.path}]"
    if section.kind:
        heading += f" with kind = {json.dumps(section.kind)}"
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
