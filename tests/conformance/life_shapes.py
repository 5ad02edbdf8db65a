"""Shapes of tables: keys, indexes and what else CreateTable is told, written short."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import Any


_KEY_TYPES = "SNB"
_MOST_GLOBAL_INDEXES = 5
_MOST_LOCAL_INDEXES = 3


@dataclass(frozen=True)
class Shape:
    """Everything about a table but its items.

    Attributes:
        keys: `pk:S` or `pk:S sk:N`: the key attributes with their types, the partition key first.
        global_indexes: keys of each GSI, by its name.
        local_indexes: sort key of each LSI, by its name.
        tags: of the table.
    """

    keys: str
    global_indexes: Mapping[str, str] = field(default_factory=dict)
    local_indexes: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def key_names(self) -> tuple[str, ...]:
        """The table's keys."""
        return _names(self.keys)

    @cached_property
    def types(self) -> dict[str, str]:
        """Type of each attribute that is a key of the table or of an index."""
        texts = (self.keys, *self.global_indexes.values(), *self.local_indexes.values())
        return dict(key.split(":") for text in texts for key in text.split())

    @cached_property
    def index_keys(self) -> dict[str, tuple[str, ...]]:
        """Attributes that an item needs to be in an index, for each."""
        partition, *_ = self.key_names
        local = {name: (partition, *_names(text)) for name, text in self.local_indexes.items()}
        return {name: _names(text) for name, text in self.global_indexes.items()} | local

    def request(self, name: str, **more: Any) -> dict[str, Any]:
        """The CreateTable request for a table of that shape."""
        request: dict[str, Any] = {
            "TableName": name,
            "KeySchema": _schema(self.key_names),
            "AttributeDefinitions": [{"AttributeName": key, "AttributeType": kind} for key, kind in self.types.items()],
            "BillingMode": "PAY_PER_REQUEST",
        }
        for kind, chosen in (("Global", self.global_indexes), ("Local", self.local_indexes)):
            if chosen:
                request[f"{kind}SecondaryIndexes"] = [_index(each, self.index_keys[each]) for each in chosen]
        if self.tags:
            request["Tags"] = [{"Key": key, "Value": value} for key, value in self.tags.items()]
        return request | more


def random_shape(random: Random) -> Shape:
    """A shape of random keys and indexes; index keys are drawn from few attributes, so that indexes share some."""
    types = {name: random.choice(_KEY_TYPES) for name in ("pk", "sk", "a", "b", "c", "d")}
    keys = ["pk", "sk"][: random.randint(1, 2)]
    own = random.sample("abcd", 3)

    def written(names: list[str]) -> str:
        return " ".join(f"{name}:{types[name]}" for name in names)

    candidates = (own, [*reversed(own)], [own[0], *reversed(keys)], [*reversed(keys)])
    local = random.sample(own, random.randint(0, _MOST_LOCAL_INDEXES)) if len(keys) == len(("pk", "sk")) else []
    return Shape(
        written(keys),
        global_indexes={
            f"global_{number}": written(random.choice(candidates)[: random.randint(1, 2)])
            for number in range(random.randint(0, _MOST_GLOBAL_INDEXES))
        },
        local_indexes={f"local_{name}": written([name]) for name in local},
        tags={f"tag-{number}": f"value {number}" for number in range(random.randint(0, 3))},
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(key.partition(":")[0] for key in text.split())


def _schema(names: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"), strict=False)]


def _index(name: str, keys: tuple[str, ...]) -> dict[str, Any]:
    return {"IndexName": name, "KeySchema": _schema(keys), "Projection": {"ProjectionType": "ALL"}}
