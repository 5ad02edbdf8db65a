"""Every key that settings.toml can have, found by walking the models of the settings."""

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from daemon.settings_file import Settings


def _keys(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        section, path = field.annotation, f"{prefix}{name}"
        if get_origin(section) is dict:
            section, path = get_args(section)[1], f"{path}.NAME"
        models = [kind for kind in _kinds(section) if isinstance(kind, type) and issubclass(kind, BaseModel)]
        for model_inside in models:
            yield from _keys(model_inside, f"{path}.")
        if not models:
            yield path, field


def _kinds(annotation: Any) -> list[Any]:
    """The types that a value can have."""
    if get_origin(annotation) is Annotated:
        return _kinds(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        return [kind for each in get_args(annotation) for kind in _kinds(each)]
    return [annotation]


KEYS: dict[str, FieldInfo] = {}
"""By their paths; NAME stands for what the user names. Of a key of several kinds of repositories, the first's."""

for _path, _field in _keys(Settings):
    KEYS.setdefault(_path, _field)

SECRETS = tuple(key for key, field in KEYS.items() if field.annotation is SecretStr)
