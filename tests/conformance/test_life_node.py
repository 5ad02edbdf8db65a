"""How a node is named for the tests of a table's life, and what docs/conformance.md says about that."""

import re
from pathlib import Path

from tests.conformance.life_node import PREFIX, LifeNode, named_node
from tests.conformance.test_life_shapes import ROUNDS_VARIABLE, SEED_VARIABLE
from tests.documents import document


class Recorded(dict[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self, **variables: str) -> None:
        super().__init__(variables)
        self.asked: set[str] = set()

    def get(self, key: str, default: str | None = None) -> str | None:
        """As a mapping does it."""
        self.asked.add(key)
        return super().get(key, default)


def test_every_variable_is_documented() -> None:
    """The page has exactly the variables that are read."""
    environment = Recorded(**{f"{PREFIX}ALTERNATOR": "http://127.0.0.1:8000"})
    named_node(environment)
    documented = set(re.findall(rf"^\| `({PREFIX}\w+)`", document("docs/conformance.md"), re.MULTILINE))
    assert documented == {*environment.asked, ROUNDS_VARIABLE, SEED_VARIABLE}


def test_a_node_by_its_address() -> None:
    """One variable names a node that asks nobody and is where a package installs it; without it, none is named."""
    assert named_node({}) is None
    assert named_node({f"{PREFIX}ALTERNATOR": "http://10.0.0.1:8000"}) == LifeNode(
        alternator_url="http://10.0.0.1:8000",
        api_url="http://127.0.0.1:10000",
        cql_host="10.0.0.1",
        cql_port=9042,
        data_directory=Path("/var/lib/scylla/data"),
    )
