"""The whole life of a table by the library's functions, without a process of their own."""

from collections.abc import Iterator

import pytest

from backup_core.cancel import CancelToken
from backup_core.context import Context
from backup_core.errors import NodeRefusedError
from backup_core.events import SilentReporter
from backup_core.pipeline import backup_tables
from backup_core.restore.choice import choose
from backup_core.restore.definition import table_definition
from backup_core.restore.model import RestoreOptions, RestorePlan, RestoreResult
from backup_core.restore.plan import plan_restore
from backup_core.restore.restoring import restore_table
from backup_core.restore.target import target_server
from daemon.settings_file import load_settings
from daemon.wiring import node_context
from tests.conformance.life_items import items
from tests.conformance.life_site import Site
from tests.conformance.test_life_shapes import SHAPES


pytestmark = pytest.mark.slow


@pytest.fixture
def context(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Context]:
    """What every function gets first."""
    for name, value in site.secrets().items():
        monkeypatch.setenv(name, value)
    with node_context(load_settings(site.settings), SilentReporter(), CancelToken()) as context:
        yield context


def planned(context: Context, name: str, target: str) -> RestorePlan:
    """The plan for the newest backup of a table."""
    sources = choose(context.repositories, name, None, None, None)
    definition = table_definition(sources[0].description)
    return plan_restore(sources, definition, target_server(context), RestoreOptions(target=target))


def restored(context: Context, name: str, target: str) -> RestoreResult:
    """Restore the newest backup of a table."""
    return restore_table(context, planned(context, name, target))


def test_by_the_library(site: Site, context: Context) -> None:
    """Backed up, copied, dropped and brought back, a table is what it was; what can't be is refused as a plan."""
    shape = SHAPES["shared"]
    table = site.make(site.name("table"), shape, *items(shape, 12))
    before = table.seen()
    run = backup_tables(context, [table.name])
    assert [backup.table.name for backup in run.succeeded] == [table.name]
    with pytest.raises(NodeRefusedError, match="exists"):
        planned(context, table.name, table.name)
    copy = site.name("copy")
    for target in (copy, table.name):
        if target == table.name:
            site.delete(table.name)
        result = restored(context, table.name, target)
        assert (result.proven, result.not_done, result.items) == (True, (), len(table.items))
        assert result.index_items == table.index_items()
        site.assert_restored(target, before)
    site.assert_nothing_left()
