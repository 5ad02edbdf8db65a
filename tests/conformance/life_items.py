"""Items for tables of any shape: values of every type, also the odd ones, and random items of few different keys."""

from random import Random
from typing import Any

from tests.conformance.life_shapes import Shape


Item = dict[str, Any]

LARGE_BYTES = 300_000
"""Of an item; DynamoDB takes up to 400 KB."""

TEXTS = ("a", "käse", "日本語", "🧀 🐭", "a b'c\"d\\e", "\u0001", "ß", "x" * 1000)
NUMBERS = ("0", "-1", "3.14", "100", "-0.0001", "12345678901234567890123456789012345678", "2.5", "-77")
BINARIES = (b"\x00", b"\xff\xfe", b"abc", b"\x00\x01", bytes(range(256)), b"\x7f", b"\x80", b"{}")

EVERY_TYPE: Item = {
    "text": {"S": "Ünïcødé 🧀"},
    "number": {"N": "-12345678901234567890.123456789"},
    "binary": {"B": b"\x00\xff"},
    "true": {"BOOL": True},
    "false": {"BOOL": False},
    "nothing": {"NULL": True},
    "texts": {"SS": ["b", "a", "ä"]},
    "numbers": {"NS": ["2", "-1.5", "1E+20"]},
    "binaries": {"BS": [b"\x01", b"\x00\x00"]},
    "list": {"L": [{"S": "a"}, {"N": "1"}, {"L": [{"M": {}}]}, {"NULL": True}]},
    "map": {"M": {"a": {"M": {"b": {"M": {"c": {"L": [{"B": b"\x00"}, {"BOOL": True}]}}}}}, "": {"S": ""}}},
    "Näme with: odd #letters": {"S": "x"},
    "empty_text": {"S": ""},
    "empty_binary": {"B": b""},
    "empty_list": {"L": []},
    "empty_map": {"M": {}},
}
OTHER_SPELLINGS = ("1E+30", "1e3", "-5E-20", "0.10", "1E-125", "9.9999E+125")
"""Of numbers. As keys they are found by these alone: the server keeps a number's scale, but tells 1E+3 as 1000."""
EMPTY_SETS: tuple[Item, ...] = ({"SS": []}, {"NS": []}, {"BS": []})


def key_value(kind: str, number: int) -> dict[str, Any]:
    """The key value with that number, of a type; the first ones are the odd ones."""
    if kind == "S":
        return {"S": TEXTS[number] if number < len(TEXTS) else f"text {number}"}
    if kind == "N":
        return {"N": NUMBERS[number] if number < len(NUMBERS) else str(number * 1000)}
    return {"B": BINARIES[number] if number < len(BINARIES) else b"binary %d" % number}


def items(shape: Shape, count: int, seed: int = 0) -> list[Item]:
    """Items of different keys, each with some of the attributes that are keys of indexes, and with others."""
    random = Random(seed)  # noqa: S311
    made = []
    for number in range(count):
        # A sort key makes partitions of several items.
        numbers = (number,) if len(shape.key_names) == 1 else (number % 4, number // 4)
        item = {key: key_value(shape.types[key], each) for key, each in zip(shape.key_names, numbers, strict=True)}
        for name in shape.types.keys() - item.keys():
            if random.random() < 0.75:
                item[name] = key_value(shape.types[name], random.randrange(6))
        chosen = random.sample(sorted(EVERY_TYPE), random.randrange(4))
        made.append(item | {name: EVERY_TYPE[name] for name in chosen})
    return made


def indexed_item(shape: Shape, number: int) -> Item:
    """An item that is in every index of a table, and has all types of attributes beside."""
    return EVERY_TYPE | {key: key_value(kind, number) for key, kind in shape.types.items()}
