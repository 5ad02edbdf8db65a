"""What every snapshot driver promises, on both versions of the server."""

from collections.abc import Iterator

import pytest

from backup_core.cancel import CancelToken
from backup_core.errors import NodeRefusedError, NotFoundError
from backup_core.model import Table
from backup_core.node.rest import RestClient, SnapshotExistsError
from backup_core.snapshot_driver import RestSnapshotDriver, SnapshotDriver
from sandbox.node import Sandbox
from tests.conformance import dynamodb
from tests.conformance.dynamodb import indexed_table


pytestmark = pytest.mark.parametrize("node", ["6.2", "2026.1"], indirect=True)


@pytest.fixture
def driver(node: Sandbox) -> Iterator[SnapshotDriver]:
    """A driver for `node`."""
    rest = RestClient(node.api.url, CancelToken(), timeout_seconds=5, snapshot_timeout_seconds=5)
    yield RestSnapshotDriver(rest)
    rest.close()


@pytest.fixture
def users(node: Sandbox) -> Table:
    """A table with an index and an item."""
    client = dynamodb.client(node)
    client.create_table(**indexed_table("users"))
    return Table("users", client.describe_table(TableName="users")["Table"]["TableId"].replace("-", ""))


def snapshots(node: Sandbox) -> set[str]:
    """Tags of all snapshots of the node, of views too."""
    return {path.name for path in node.data_directory.glob("*/*/snapshots/*")}


def test_a_snapshot_is_there_when_take_returns(node: Sandbox, driver: SnapshotDriver, users: Table) -> None:
    """The finished snapshot stands in the table's directory under its tag."""
    driver.take("1733313018", users)
    directory = node.data_directory / users.keyspace / users.directory_name / "snapshots" / "1733313018"
    assert (directory / "manifest.json").is_file()


def test_clear_leaves_nothing_of_a_tag(node: Sandbox, driver: SnapshotDriver, users: Table) -> None:
    """Clearing takes the views' snapshots of that tag along and leaves other tags alone; twice is no error."""
    driver.take("1733313018", users)
    driver.take("1733313019", users)
    for _ in range(2):
        driver.clear("1733313018", users.keyspace)
        assert snapshots(node) == {"1733313019"}


def test_a_tag_in_use_is_refused_and_left_alone(node: Sandbox, driver: SnapshotDriver, users: Table) -> None:
    """Taking a tag twice is an error of its own kind, and the first snapshot stays."""
    driver.take("1733313018", users)
    with pytest.raises(SnapshotExistsError, match="already exists"):
        driver.take("1733313018", users)
    assert snapshots(node) == {"1733313018"}


@pytest.mark.usefixtures("node")
def test_a_table_that_is_not_there_is_an_error(driver: SnapshotDriver) -> None:
    """A missing table fails loudly, and clearing what it never had does not."""
    with pytest.raises(NotFoundError, match="nope"):
        driver.take("1733313018", Table("nope", "0" * 32))
    driver.clear("1733313018", "alternator_nope")


def test_nothing_is_cleared_without_a_tag_and_a_keyspace(node: Sandbox, driver: SnapshotDriver, users: Table) -> None:
    """An empty tag or keyspace would clear every snapshot of the node: it is never sent."""
    driver.take("1733313018", users)
    for tag, keyspace in (("", users.keyspace), ("1733313018", "")):
        with pytest.raises(ValueError, match="never cleared"):
            driver.clear(tag, keyspace)
    assert snapshots(node) == {"1733313018"}


def test_an_empty_tag_is_refused(driver: SnapshotDriver, users: Table) -> None:
    """The node refuses a snapshot without a name."""
    with pytest.raises(NodeRefusedError, match="snapshot name"):
        driver.take("", users)
