"""Records of restores that haven't ended, and what is written beside a backup when one has."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backup_core.errors import StorageError
from backup_core.repository.timestamps import timestamp
from backup_core.restore.model import ProofLine, RestoreResult
from backup_core.restore.restored import parse_restored, restored_content
from backup_core.restore_records import RestoreRecord, RestoreRecords
from tests.repository_backups import opened, publish


NAMES = st.from_regex(r"[a-zA-Z0-9_.-]{3,222}", fullmatch=True)
RECORDS = st.builds(
    RestoreRecord,
    target=NAMES,
    source=NAMES,
    tag=st.integers(1, 10**10).map(str),
    backups=st.lists(st.text()).map(tuple),
    request=st.text(),
    table_id=st.none() | st.text(),
    replaced_id=st.none() | st.text(),
    preparing=st.booleans(),
    started_at=st.datetimes(timezones=st.just(UTC)).map(timestamp),
)


@given(record=RECORDS, later=RECORDS)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_record_is_found_until_it_is_removed(tmp_path: Path, record: RestoreRecord, later: RestoreRecord) -> None:
    """What was written last for a target is what is found for it, and no other target's record is."""
    records = RestoreRecords(tmp_path / "restores")
    records.write(record)
    records.write(later)
    assert records.find(later.target) == later
    assert {found.target for found in records.all()} == {record.target, later.target}
    for target in (record.target, later.target):
        records.remove(target)
        records.remove(target)
    assert list(records.all()) == []


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"format_version": 2}', '{"format_version": 1, "backups": 3}'])
def test_what_is_no_record_is_said_to_be_none(tmp_path: Path, content: str) -> None:
    """A broken file is an error that names it, never a table without a record."""
    (tmp_path / "users.json").write_text(content)
    with pytest.raises(StorageError, match=r"users\.json is no record"):
        RestoreRecords(tmp_path).find("users")


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    """What came of a restore stands beside the backup; a broken file counts as none."""
    result = RestoreResult(
        restored_at=datetime(2026, 11, 22, 16, 0, 0, 123, tzinfo=UTC),
        target="copy",
        table_id="0" * 32,
        items=3,
        index_items={"by_age": 2},
        proof=(ProofLine("stream", "off", "KEYS_ONLY"),),
        coverage=0.5,
        not_done=("GRANT SELECT ...",),
        duration_seconds=1.5,
    )
    target = opened(tmp_path / "backups")
    publish(target, tmp_path / "data")
    listing = target.find("users")
    assert parse_restored(target.read_note(listing, "restored.json")) is None
    target.write_note(listing, "restored.json", restored_content(result))
    assert parse_restored(target.read_note(listing, "restored.json")) == result
    assert not result.proven
    target.write_note(listing, "restored.json", b'{"items": "many"}')
    assert parse_restored(target.read_note(listing, "restored.json")) is None
