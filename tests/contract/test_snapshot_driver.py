"""What every snapshot driver promises, on both versions of the server."""

from collections.abc import Iterator

import pytest

from backup_core.cancel import CancelToken
from backup_core.errors import NodeRefusedError, NodeUnavailableError, NotFoundError, RunCancelledError
from backup_core.model import Table
from backup_core.node.nodetool import Nodetool
from backup_core.node.rest import RestClient
from backup_core.node.snapshot_answers import TAKE_GRACE_SECONDS, NoAnswerError, SnapshotExistsError
from backup_core.snapshot_driver import NodetoolSnapshotDriver, RestSnapshotDriver, SnapshotDriver
from sandbox.faults import Fault
from sandbox.node import Sandbox
from tests.conformance import dynamodb
from tests.conformance.dynamodb import indexed_table
from tests.nodetool import nodetool_command


pytestmark = [
    pytest.mark.parametrize("node", ["6.2", "2026.1"], indirect=True),
    pytest.mark.parametrize("driver", ["api", "nodetool"], indirect=True),
]

TIMEOUT_SECONDS = 3 * TAKE_GRACE_SECONDS
"""The driver gives up later than a run that is cancelled does."""


@pytest.fixture
def cancel() -> CancelToken:
    """The driver's token."""
    return CancelToken()


@pytest.fixture
def driver(request: pytest.FixtureRequest, node: Sandbox, cancel: CancelToken) -> Iterator[SnapshotDriver]:
    """A driver for `node`, of the kind that the settings name so."""
    rest = RestClient(node.api.url, cancel, timeout_seconds=5, snapshot_timeout_seconds=TIMEOUT_SECONDS)
    nodetool = Nodetool(nodetool_command(node), cancel, snapshot_timeout_seconds=TIMEOUT_SECONDS)
    yield RestSnapshotDriver(rest) if request.param == "api" else NodetoolSnapshotDriver(nodetool, rest)
    rest.close()


@pytest.fixture
def users(node: Sandbox) -> Table:
    """A table with an index and an item."""
    return created(node, "users")


def created(node: Sandbox, name: str) -> Table:
    """A table of that name with an index."""
    client = dynamodb.client(node)
    client.create_table(**indexed_table(name))
    return Table(name, client.describe_table(TableName=name)["Table"]["TableId"].replace("-", ""))


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


@pytest.mark.parametrize("name", ["Game.Scores-2024", ".hidden", "-dash.", "...", "a.b.c"])
def test_every_name_of_a_table_works(node: Sandbox, driver: SnapshotDriver, name: str) -> None:
    """Names with dots and dashes are taken for what they are, wherever these stand, and cleared again."""
    table = created(node, name)
    driver.take("1733313018", table)
    directory = node.data_directory / table.keyspace / table.directory_name / "snapshots" / "1733313018"
    assert (directory / "manifest.json").is_file()
    driver.clear("1733313018", table.keyspace)
    assert snapshots(node) == set()


def test_a_table_that_is_gone_is_cleared_all_the_same(node: Sandbox, driver: SnapshotDriver, users: Table) -> None:
    """What a dropped table's directory still holds of a tag is cleared; ScyllaDB's own snapshots of the drop stay."""
    driver.take("1733313018", users)
    dynamodb.client(node).delete_table(TableName="users")
    driver.clear("1733313018", users.keyspace)
    left = snapshots(node)
    assert left
    assert all(tag.startswith("pre-drop-") for tag in left)


def test_a_refusal_tells_the_nodes_own_words(node: Sandbox, driver: SnapshotDriver, users: Table) -> None:
    """What the node says no with is the message."""
    node.faults.set("rest POST", Fault("error", (500, "std::bad_alloc (std::bad_alloc)")))
    with pytest.raises(NodeRefusedError, match=r"^The node refuses: std::bad_alloc \(std::bad_alloc\)$"):
        driver.take("1733313018", users)


def test_a_node_that_is_down_is_unavailable(node: Sandbox, driver: SnapshotDriver, users: Table) -> None:
    """Nothing was asked of a node that can't be reached: that is known, and isn't an answer that got lost."""
    node.api.stop()
    with pytest.raises(NodeUnavailableError, match="can't") as caught:
        driver.take("1733313018", users)
    assert not isinstance(caught.value, NoAnswerError)
    with pytest.raises(NodeUnavailableError, match="can't"):
        driver.clear("1733313018", users.keyspace)


def test_a_connection_that_breaks_leaves_it_open_what_was_done(
    node: Sandbox, driver: SnapshotDriver, users: Table
) -> None:
    """A request that was sent and never answered is told from one that was refused."""
    node.faults.set("rest POST", Fault("drop"))
    with pytest.raises(NoAnswerError):
        driver.take("1733313018", users)


def test_a_cancelled_run_waits_no_longer(
    node: Sandbox, driver: SnapshotDriver, users: Table, cancel: CancelToken
) -> None:
    """A signal ends the waiting for a node that hangs, after a moment's grace."""
    node.faults.set("rest POST", Fault("hang"))
    cancel.set(143)
    with pytest.raises(RunCancelledError):
        driver.take("1733313018", users)
