"""The sandbox stands without the recordings: it never reads them."""

import shutil
import subprocess
import sys
from pathlib import Path

import sandbox


ORIGINAL = Path(sandbox.__file__).parent

# An audit hook notes every file that is opened; the argument is the directory where none may be.
INDEPENDENT = """
import json, sys, urllib.request
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
from sandbox.node import Sandbox
for version in ("6.2", "2026.1"):
    with Sandbox(version) as node:
        definition = {"TableName": "users", "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}]}
        headers = {"X-Amz-Target": "DynamoDB_20120810.CreateTable"}
        urllib.request.urlopen(
            urllib.request.Request(node.alternator.url, json.dumps(definition).encode(), headers)
        )
        snapshots = f"{node.api.url}/storage_service/snapshots?tag=1&kn=alternator_users"
        urllib.request.urlopen(urllib.request.Request(snapshots, method="POST"))
        print(version, len(list(node.data_directory.glob("*/*/snapshots/1/manifest.json"))))
print([path for path in opened if path.startswith(sys.argv[1])])
print(sys.modules["sandbox"].__path__[0])
"""


def test_the_sandbox_runs_without_the_recordings(tmp_path: Path) -> None:
    """A copy of the package alone, without any tests beside it, makes tables and snapshots in both versions."""
    package = tmp_path / "sandbox"
    shutil.copytree(ORIGINAL, package)
    done = subprocess.run(
        [sys.executable, "-c", INDEPENDENT, str(Path(__file__).parents[1])],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.stdout.splitlines() == ["6.2 1", "2026.1 1", "[]", str(package)], done.stderr


def test_no_file_of_the_sandbox_names_the_recordings() -> None:
    """Nothing below `sandbox/` mentions a recording's name or the tests' directory."""
    recordings = ("after_drop", "alternator_raw", "rest.json", "cql.json", "tree.json", "scylla-6", "scylla-2026")
    names = ("tests/", "tests.", *recordings)
    for path in ORIGINAL.rglob("*.py"):
        text = path.read_text()
        assert not [name for name in names if name in text], path
