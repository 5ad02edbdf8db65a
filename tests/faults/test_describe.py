"""DESCRIBE, whose answer a backup can't do without."""

import pytest

from sandbox.faults import Fault
from tests.faults.harness import Station


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (0x2000, "line 1:0 no viable alternative at input 'DESCRIBE'"),
        (0x2200, "DESCRIBE of that is not supported"),
    ],
    ids=["syntax", "invalid"],
)
def test_a_server_that_does_not_know_describe_is_told(station: Station, code: int, text: str) -> None:
    """A server that refuses DESCRIBE ends the backup with 69 and its own words; nothing is stored without a schema."""
    station.node.faults.set("cql DESCRIBE TABLE", Fault("error", (code, text)))
    station.assert_refused("users", 69, "CQL at 127.0.0.1:", text)


def test_a_description_without_a_table_is_told(station: Station) -> None:
    """DESCRIBE answers nothing that holds a CREATE TABLE: 69, and what to look at."""
    station.node.faults.set("cql DESCRIBE TABLE", Fault("empty"))
    result = station.run("backup", "users")
    station.assert_failed(result, 69, "Table 'users': Failed to extract table schema", "no CREATE TABLE", "cqlsh")
