"""The environment as a source of settings."""

import json
from typing import Any, get_origin

from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource


class EnvironmentVariables(EnvSettingsSource):
    """pydantic-settings' own source, for tables of several kinds.

    One variable may hold a whole table as JSON, as `ALTERNATOR_BACKUP_REPOSITORY__NAME`. Where tables are of one kind
    that is read by the library in any case, where they are of several only if it reads all variables as JSON.
    """

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """What a variable holds; the text itself where it is no such table."""
        is_table = get_origin(field.annotation) is dict if field else True
        if is_table and field_name not in self.settings_cls.model_fields:
            return json.loads(value)
        return super().decode_complex_value(field_name, field, value)
