"""Loading in tests: files of a snapshot put into a table's `upload/`, and the request that loads them."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox.node import Sandbox
from tests.conformance.replay import Answer, alternator, rest


def table_directory(sandbox: Sandbox, table: str, family: str = "") -> Path:
    """Directory of an existing table, or of a view or a log of it."""
    families = sandbox.data_directory / f"alternator_{table}"
    wanted = family or table
    ids = {"": sandbox.catalog.tables[table].id.hex}
    for index in sandbox.catalog.tables[table].indexes:
        ids[sandbox.catalog.tables[table].view_name(index)] = index.id.hex
    return families / f"{wanted}-{ids[family]}"


def upload(sandbox: Sandbox, table: str, source: Path, *, but: str = "") -> Path:
    """Link the files of a snapshot into a table's `upload/`, those whose names end as `but` left out."""
    directory = table_directory(sandbox, table) / "upload"
    for path in source.glob("m*-big-*"):
        if not (but and path.name.endswith(but)):
            (directory / path.name).hardlink_to(path)
    return directory


def load(sandbox: Sandbox, table: str, **query: str) -> Answer:
    """Ask for what is in a table's `upload/` to be loaded; `cf` can name a view."""
    return rest(
        sandbox,
        "POST",
        f"/storage_service/sstables/alternator_{table}",
        {"cf": table, "load_and_stream": "true"} | query,
    )


def message(answer: Answer) -> str:
    """The text of a refusal, which is always a 500."""
    assert answer.status == 500, answer
    text = json.loads(answer.body)["message"]
    assert isinstance(text, str)
    return text


def indexed(sandbox: Sandbox, table: str, index: str) -> list[dict[str, Any]]:
    """All items that a scan of an index finds."""
    answer = alternator(sandbox, "Scan", {"TableName": table, "IndexName": index})
    items = json.loads(answer.body)["Items"]
    assert isinstance(items, list)
    return items


def eventually(condition: Callable[[], bool], timeout_seconds: float = 10.0) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.01)
