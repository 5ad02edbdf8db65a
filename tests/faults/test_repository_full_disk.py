import json
import subprocess
import sys
from pathlib import Path

import pytest


NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]


def may_mount() -> bool:
    """Whether this machine lets a process have mounts of its own."""
    return subprocess.run([*NAMESPACE, "true"], check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(not may_mount(), reason="no mount namespaces here")
def test_a_full_disk_harms_no_former_backup(tmp_path: Path) -> None:
    """Wherever the space ends, nothing half is listed, nothing half stays, and the former backup is the newest."""
    (tmp_path / "disk").mkdir()
    done = subprocess.run(
        [*NAMESPACE, sys.executable, "-m", "tests.faults.repository_full_disk", tmp_path / "disk"],
        cwd=Path(__file__).parents[2],
        check=True,
        capture_output=True,
    )
    *failed, last = (json.loads(line) for line in done.stdout.splitlines())
    for attempt in failed:
        assert "No space left on device" in attempt["error"]
        assert attempt["listed"] == {"1733310000": "complete"}
        assert attempt["latest"] == "1733310000"
        assert attempt["names"] == ["users", "~repository.json"]
    assert last["error"] is None
    assert last["listed"] == {"1733310000": "complete", "1733320000": "complete"}
    assert last["latest"] == "1733320000"
    assert len(failed) > 5
