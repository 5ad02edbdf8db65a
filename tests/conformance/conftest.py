"""Where a table's life is lived: the node that is named by the environment, or a sandbox of each version."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sandbox.node import Sandbox
from sandbox.version import VERSIONS
from tests.conformance.life_node import named_node, sandbox_node
from tests.conformance.life_site import Site


NAMED = "named"
VIEW_DELAY_SECONDS = 0.01
INDEX_MEMORY_SECONDS = 0.3
NODES = [NAMED] if named_node() else sorted(VERSIONS)


@pytest.fixture(params=NODES)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """A node, and no table of this test on it, neither before nor afterwards."""
    with ExitStack() as stack:
        node = named_node()
        if node is None:
            sandbox = Sandbox(
                request.param,
                directory=tmp_path / "node",
                view_delay_seconds=VIEW_DELAY_SECONDS,
                index_memory_seconds=INDEX_MEMORY_SECONDS,
            )
            node = sandbox_node(stack.enter_context(sandbox))
        site = Site(node, tmp_path)
        stack.callback(site.close)
        yield site
