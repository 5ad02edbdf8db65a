"""The sandbox's nodetool, as a command for a sandbox node."""

import sys

from sandbox.node import Sandbox


def nodetool_command(node: Sandbox) -> tuple[str, ...]:
    """What `node.nodetool` is for that node."""
    return (sys.executable, "-m", "sandbox.nodetool", "-h", node.api.host, "-p", str(node.api.port))
