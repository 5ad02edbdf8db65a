"""What a start doesn't import, because it costs more than all the rest together."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("verb", ["run", "status", "check", "prune"])
def test_a_start_waited_for_clients_that_it_did_not_need_yet(verb: str) -> None:
    """boto3 and cassandra-driver are imported when the node is first asked over them."""
    clients = {"boto3", "botocore", "cassandra"}
    code = f"import sys, daemon.cli, daemon.commands.{verb}; print(*{clients} & {{*sys.modules}})"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert ended.stdout.split() == []
