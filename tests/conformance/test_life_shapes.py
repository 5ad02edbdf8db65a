"""Tables of all shapes, dropped and brought back: keys, indexes, items of every kind."""

import os
from random import Random

import pytest

from tests.conformance.life_items import (
    EMPTY_SETS,
    EVERY_TYPE,
    LARGE_BYTES,
    OTHER_SPELLINGS,
    Item,
    indexed_item,
    items,
    key_value,
)
from tests.conformance.life_node import PREFIX
from tests.conformance.life_shapes import Shape, random_shape
from tests.conformance.life_site import LiveTable, Site


pytestmark = pytest.mark.slow


ROUNDS_VARIABLE = f"{PREFIX}ROUNDS"
SEED_VARIABLE = f"{PREFIX}SEED"

ROUNDS = int(os.environ.get(ROUNDS_VARIABLE, "1"))
"""Of random tables; `make conformance` has more."""
SEED = int(os.environ.get(SEED_VARIABLE, "1"))
TABLES_OF_A_ROUND = 5

ITEMS = 16

SHAPES = {
    "s": Shape("pk:S"),
    "n": Shape("pk:N", {"by_a": "a:S"}),
    "b": Shape("pk:B", {"by_a": "a:B", "by_b_a": "b:N a:B"}),
    "s_n": Shape("pk:S sk:N", {"by_sk": "sk:N"}, {"local": "a:S"}),
    "n_b": Shape("pk:N sk:B", {"by_sk_pk": "sk:B pk:N"}, {"local_a": "a:N", "local_b": "b:B"}),
    "b_s": Shape("pk:B sk:S", {}, {"local_a": "a:S", "local_b": "b:N", "local_c": "c:B"}),
    "five": Shape(
        "pk:S sk:S",
        {"by_a": "a:S", "by_a_b": "a:S b:N", "by_b_a": "b:N a:S", "by_c_sk": "c:B sk:S", "by_pk_c": "pk:S c:B"},
    ),
    "shared": Shape("pk:S sk:N", {"by_a": "a:N", "by_a_sk": "a:N sk:N", "by_b_a": "b:S a:N"}, {"local": "a:N"}),
}
"""Keys of each type in each place, 0 to 5 GSIs with and without sort keys, 0 to 3 LSIs, attributes that they share."""

ODD = Shape("pk:S", {"by_a": "a:S"})
NUMBERED = Shape("pk:N sk:N")


def there_and_back(site: Site, *tables: LiveTable) -> None:
    """Back tables up in one run, drop them, restore the run, and find them as they were."""
    before = {table.name: table.seen() for table in tables}
    tag = site.back_up(*before)
    site.delete(*before)
    told = {each["target"]: each for each in site.restore("--all", "--run", tag)}
    assert told.keys() == before.keys()
    for table in tables:
        assert told[table.name]["items"] == len(table.items)
        assert told[table.name]["index_items"] == table.index_items()
        site.assert_restored(table.name, before[table.name])


def test_keys_and_indexes(site: Site) -> None:
    """Keys of every type in every place come back, and with them every index."""
    tables = [site.make(site.name(name), shape, *items(shape, ITEMS)) for name, shape in SHAPES.items()]
    there_and_back(site, *tables, site.make(site.name("empty"), SHAPES["shared"]))
    for table in tables:
        table.assert_queried()


def test_odd_items(site: Site) -> None:
    """Items of every type, empty and large ones come back; what was overwritten or deleted doesn't."""
    large: Item = {"pk": {"S": "large"}, "a": {"S": "a"}, "content": {"S": "0123456789" * (LARGE_BYTES // 10)}}
    every_key = [EVERY_TYPE | {"pk": key_value("S", number), "a": key_value("S", -number - 1)} for number in range(8)]
    odd = site.make(site.name("odd"), ODD, *every_key, large)
    for number, empty_set in enumerate(EMPTY_SETS):
        odd.put_if_taken({"pk": {"S": f"set {number}"}, "set": empty_set})
    changed = site.make(site.name("changed"), SHAPES["five"], *(indexed_item(SHAPES["five"], i) for i in range(12)))
    kept = list(changed.items.values())
    changed.put(*({name: item[name] for name in ("pk", "sk", "b")} for item in kept[:4]))
    changed.put(*(item | {"a": {"S": "another"}} for item in kept[2:6]))
    changed.remove(*kept[6:10])
    changed.put(kept[9])
    spelled = site.make(site.name("spelled"), NUMBERED)
    for text in OTHER_SPELLINGS:
        spelled.put({"pk": {"N": text}, "sk": {"N": text}, "number": {"N": text}})
    emptied = site.make(site.name("emptied"), ODD, {"pk": {"S": "a"}, "a": {"S": "b"}})
    emptied.remove(*emptied.items.values())
    there_and_back(site, odd, changed, spelled, emptied)
    spelled.assert_found()


@pytest.mark.parametrize("number", range(ROUNDS))
def test_random_tables(site: Site, number: int) -> None:
    """Tables of random shapes come back, whatever shape they have."""
    random = Random(f"{SEED} {number}")  # noqa: S311
    tables = []
    for which in range(TABLES_OF_A_ROUND):
        shape = random_shape(random)
        table = site.make(site.name(f"random{which}"), shape, *items(shape, random.randrange(2 * ITEMS), number))
        if random.random() < 0.5:
            table.flush()
        known = list(table.items.values())
        table.remove(*random.sample(known, len(known) // 4))
        table.put(*(items(shape, len(known) // 4, number + 1)))
        tables.append(table)
    there_and_back(site, *tables)
