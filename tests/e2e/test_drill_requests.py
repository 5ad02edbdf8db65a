"""Drills that the service asks root for: the users are real, and root has no more rights than its unit gives it."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from sandbox.node import Sandbox
from tests.conftest import COMMAND, settings_text
from tests.documents import ROOT
from tests.e2e.own_machine import run_on_own_machine
from tests.e2e.test_privileges import SERVICE
from tests.faults.harness import Station


UNIT_TEXT = (ROOT / "deploy" / "systemd" / "alternator-backup-restore@.service").read_text()
[CAPABILITIES] = re.findall(r"^CapabilityBoundingSet=(.+)$", UNIT_TEXT, re.MULTILINE)
KEPT = "".join(f",+{name.lower().removeprefix('cap_')}" for name in CAPABILITIES.split())

SCRIPT = f"""
{SERVICE}
PATH={COMMAND.parent}:$PATH
settings=/etc/alternator-backup/settings.toml
requests=/var/lib/alternator-backup/drill-requests
alternator-backup -q backup --all >&2
timeout 40 runuser -u alternator-backup -- {COMMAND} run --settings $settings 2>/srv/given/log &
daemon=$!
until [ -e $requests/request.json ] || ! kill -0 $daemon; do sleep 0.1; done
setpriv --inh-caps=-all --bounding-set=-all{KEPT} {COMMAND} drill --requested --settings $settings >&2
until grep -q run.finished /srv/given/log || ! kill -0 $daemon; do sleep 0.1; done
kill $daemon; wait $daemon || true
alternator-backup status --json
find /var/lib/alternator-backup /srv/backups -user root >/srv/given/of_root
"""


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs mounts of its own")
def test_root_makes_the_drill_that_the_service_asks_for(node: Sandbox, tmp_path: Path) -> None:
    """With the unit's capabilities only; the run succeeds, and no file of the service's belongs to root."""
    Station(node, tmp_path).create("users")
    given, own = tmp_path / "given", tmp_path / "own"
    given.mkdir()
    own.mkdir()
    text = settings_text(node, tmp_path, schedule__drills='every = "3s"\nwhat = "drill"', metrics='listen = ""')
    text = text.replace("[node]", f'[node]\ndata_dirs = ["/srv/scylla/{node.data_directory.name}"]')
    text = text.replace(str(tmp_path / "backups"), "/srv/backups").replace(f'directory = "{tmp_path / "state"}"', "")
    (given / "settings.toml").write_text(text)
    mounts = {"/srv/scylla": node.data_directory.parent, "/srv/given": given}
    if run_on_own_machine("true", own, mounts=mounts).returncode != 0:
        pytest.skip("this root may not mount")

    ended = run_on_own_machine(SCRIPT, own, mounts=mounts)

    assert ended.returncode == 0, ended.stderr
    status = json.loads(ended.stdout)
    assert [(drill["table"], drill["problems"]) for drill in status["drills"]] == [("users", [])]
    told = [json.loads(line) for line in (given / "log").read_text().splitlines() if line.startswith("{")]
    finished = next(line for line in told if line["event"] == "run.finished")
    assert (finished["what"], finished["succeeded"], finished["failed"]) == ("drill", 1, 0)
    assert sorted(node.catalog.tables) == ["users"]
    assert list(node.data_directory.glob("alternator_abdrill_*/*/snapshots/*")) == []
    assert not (given / "of_root").read_text()
