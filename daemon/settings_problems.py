"""Words for what pydantic finds wrong with settings: the key path, and never a value, which may be a secret."""

from collections.abc import Mapping
from typing import Any


_WORDS: Mapping[str, str] = {
    "extra_forbidden": "there is no such key",
    "missing": "has to be set",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
    "finite_number": "has to be a finite number",
    "greater_than": "has to be more than {gt:g}",
    "greater_than_equal": "has to be at least {ge:g}",
    "less_than_equal": "has to be at most {le:g}",
    "literal_error": "has to be {expected}",
    "string_pattern_mismatch": "a name has only letters, digits, - and _, and starts with a letter or digit",
    "value_error": "{error}",
    "kind": "has to be 'local' or 's3'",
}

_INSIDE: Mapping[str, str] = {"kind": ".kind"}
"""The key inside what a problem is told of, where pydantic names only the table."""

_NO_KEYS = ("[key]", "[local]", "[s3]")
"""What stands among the keys: a mark of pydantic's, and the kinds of repositories."""

_KINDS: Mapping[str, str] = {
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "string": "text",
    "path": "a path",
    "tuple": "a list",
    "dict": "a table of keys",
    "model": "a table of keys",
}


def problem(item: Mapping[str, Any]) -> str:
    """One line about one problem.

    Args:
        item: of `ValidationError.errors()`, without its input.
    """
    key = ".".join(str(part) for part in item["loc"] if part not in _NO_KEYS)
    return f"{key}{_INSIDE.get(item['type'], '')}: {_words(item)}"


def _words(item: Mapping[str, Any]) -> str:
    if item["type"] in _WORDS:
        return _WORDS[item["type"]].format_map(item.get("ctx", {}))
    kind = _KINDS.get(item["type"].partition("_")[0])
    return f"has to be {kind}" if kind else f"{item['msg'][0].lower()}{item['msg'][1:]}"
