"""Every key that settings.toml can have, found by walking the models of the settings."""

from collections.abc import Iterator
from typing import get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from daemon.settings_file import Settings


def _keys(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        section, path = field.annotation, f"{prefix}{name}"
        if get_origin(section) is dict:
            section, path = get_args(section)[1], f"{path}.NAME"
        if isinstance(section, type) and issubclass(section, BaseModel):
            yield from _keys(section, f"{path}.")
        else:
            yield path, field


KEYS = dict(_keys(Settings))
"""By their paths; NAME stands for what the user names."""

SECRETS = tuple(key for key, field in KEYS.items() if field.annotation is SecretStr)
