import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from backup_core.errors import ManifestError
from backup_core.repository import manifest as models
from backup_core.repository.manifest import Manifest, parse_manifest, summarize
from backup_core.repository.summary import parse_summary
from backup_core.repository.timestamps import parse_timestamp, timestamp


TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
MOMENTS = st.builds(
    lambda since, zone: (datetime(1971, 1, 1, tzinfo=UTC) + since).astimezone(zone),
    st.timedeltas(timedelta(0), timedelta(days=300_000)),
    st.sampled_from([UTC, timezone(timedelta(hours=-7, minutes=30))]),
)
SIZES = st.integers(0, 2**60)
SHA256 = st.text("0123456789abcdef", min_size=64, max_size=64)
FILE_NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=30)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Also None, which is unknown."""
    return st.none() | strategy


def tuples(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """A few of them."""
    return st.lists(strategy, max_size=3).map(tuple)


def stored_object(role: str) -> st.SearchStrategy[models.StoredObject]:
    """An object of a role."""
    return st.builds(
        models.StoredObject,
        name=FILE_NAMES,
        role=st.just(role),
        plain_size_bytes=SIZES,
        plain_sha256=SHA256,
        stored_size_bytes=SIZES,
        stored_sha256=SHA256,
        compression=st.sampled_from(["none", "gzip", "zstd"]),
    )


MANIFESTS = st.builds(
    Manifest,
    format_version=st.just(1),
    tool=st.builds(models.Tool, name=TEXTS, version=TEXTS),
    scylla_version=maybe(TEXTS),
    table=st.builds(
        models.TableName, name=TEXTS, keyspace=TEXTS, id=st.text("0123456789abcdef", min_size=32, max_size=32)
    ),
    tag=TEXTS,
    node=st.builds(
        models.Node,
        host_id=TEXTS,
        cluster=maybe(TEXTS),
        datacenter=maybe(TEXTS),
        rack=maybe(TEXTS),
        addresses=tuples(TEXTS),
        peers_up=maybe(tuples(TEXTS)),
        peers_down=maybe(tuples(TEXTS)),
        schema_version=maybe(TEXTS),
    ),
    ring=st.builds(
        models.Ring,
        replication=maybe(st.dictionaries(TEXTS, TEXTS, max_size=3)),
        tablets=maybe(st.booleans()),
        ranges=maybe(tuples(st.builds(models.Range, start=TEXTS, end=TEXTS, endpoints=tuples(TEXTS)))),
    ),
    times=st.builds(
        models.Times,
        nominal_at=MOMENTS,
        snapshot_started_at=MOMENTS,
        snapshot_finished_at=MOMENTS,
        run_started_at=MOMENTS,
        run_finished_at=MOMENTS,
    ),
    objects=st.tuples(stored_object("archive"), stored_object("schema"), stored_object("document")),
    files=tuples(st.builds(models.ArchivedFile, name=FILE_NAMES, size_bytes=SIZES, sha256=SHA256)),
    verified=st.builds(
        models.Verification,
        structure=maybe(MOMENTS),
        digest=maybe(MOMENTS),
        stored=maybe(MOMENTS),
        restored=maybe(MOMENTS),
    ),
)


def incremental(archived: Manifest) -> Manifest:
    """The same backup, had it been stored in incremental mode."""
    data = replace(archived.objects[0], role="data", crc32=1, read_at=archived.times.run_started_at, etag="e")
    file = models.ArchivedFile(name="me-1-big-Data.db", size_bytes=1, sha256="0" * 64, object=data.name)
    return archived.model_copy(
        update={
            "mode": "incremental",
            "objects": (data,),
            "files": (file,),
            "table_schema": models.SchemaTexts(table="CREATE", views=(), description={"table": {}}),
            "encrypted_to": ("age1",),
            "sent": models.Sent(objects=1, size_bytes=2),
        }
    )


@given(MANIFESTS)
def test_manifest_survives_its_file(manifest: Manifest) -> None:
    """What is written is what is read, and writes the same bytes again."""
    content = manifest.to_json()
    read = parse_manifest(content)
    assert read == manifest
    assert read.to_json() == content


@given(MANIFESTS)
def test_summary_survives_its_file(manifest: Manifest) -> None:
    """A summary read back is the summary that was made of the manifest."""
    summary = summarize(manifest, manifest.to_json())
    assert parse_summary(summary.to_json()) == summary


@given(MANIFESTS)
def test_every_time_is_written_in_utc_with_microseconds(manifest: Manifest) -> None:
    """Times are RFC 3339 with a Z, whatever offset they came with."""
    content = json.loads(manifest.to_json())
    written = [*content["times"].values(), *(text for text in content["verified"].values() if text is not None)]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", text) for text in written)


@given(MOMENTS)
def test_timestamps_survive(moment: datetime) -> None:
    """A time read back is the same moment."""
    assert parse_timestamp(timestamp(moment)) == moment


@given(MANIFESTS, st.data())
def test_additions_of_a_newer_release_are_passed_over(manifest: Manifest, data: st.DataObject) -> None:
    """Within a format version, fields that aren't known here are ignored at every level."""
    content = json.loads(manifest.to_json())
    place = data.draw(st.sampled_from([content, content["node"], content["objects"][0], content["verified"]]))
    place["added_later"] = {"x": 1}
    assert parse_manifest(json.dumps(content).encode()) == manifest


@given(MANIFESTS)
def test_manifest_is_written_strictly(manifest: Manifest) -> None:
    """A field that isn't part of the format can't be written."""
    with pytest.raises(ValidationError):
        Manifest(**{**dict(manifest), "added_later": 1})


@given(MANIFESTS)
def test_manifest_does_not_change(manifest: Manifest) -> None:
    """A manifest is a value."""
    with pytest.raises(ValidationError):
        manifest.tag = "1"


@given(st.binary(max_size=200))
def test_garbage_is_no_manifest(content: bytes) -> None:
    """Whatever is read as a manifest or a summary ends in a manifest or in its own error."""
    with pytest.raises(ManifestError):
        parse_manifest(content)
    with pytest.raises(ManifestError):
        parse_summary(content)


@given(MANIFESTS, st.data())
def test_no_field_may_be_missing(manifest: Manifest, data: st.DataObject) -> None:
    """A manifest that has lost a field which every one has is refused, and the message names the field."""
    content = json.loads(manifest.to_json())
    name = data.draw(st.sampled_from([name for name, field in Manifest.model_fields.items() if field.is_required()]))
    del content[name]
    with pytest.raises(ManifestError, match=name):
        parse_manifest(json.dumps(content).encode())


@given(MANIFESTS, st.integers(2, 99))
def test_newer_formats_are_refused(manifest: Manifest, version: int) -> None:
    """Another format version is named, with the way out, before anything else is looked at."""
    content = json.dumps({"format_version": version, "all": "different"}).encode()
    with pytest.raises(ManifestError, match=rf"format version {version}; known here is 1. Use the version"):
        parse_manifest(content)
    with pytest.raises(ManifestError, match=rf"format version {version}; known here is 1"):
        parse_summary(content)
    assert manifest.format_version == 1


@given(MANIFESTS)
def test_a_manifest_names_one_archive(manifest: Manifest) -> None:
    """Without an archive, or with two, it isn't one of ours."""
    content = json.loads(manifest.to_json())
    for objects in (content["objects"][1:], content["objects"][:1] * 2):
        with pytest.raises(ManifestError, match="names (no|2) archives in archive mode"):
            parse_manifest(json.dumps(content | {"objects": objects}).encode())


@settings(max_examples=30)
@given(MANIFESTS)
def test_incremental_manifests_survive_their_files(archived: Manifest) -> None:
    """In incremental mode objects and files are read back as they were written, in one line."""
    manifest = incremental(archived)
    content = manifest.to_json()
    assert parse_manifest(content) == manifest
    assert b"\n" not in content
    assert parse_summary(summarize(manifest, content).to_json()).mode == "incremental"


@settings(max_examples=30)
@given(MANIFESTS, st.sampled_from(["no schema", "no object", "twice", "1 archives"]))
def test_incremental_manifests_that_contradict_themselves_are_refused(archived: Manifest, problem: str) -> None:
    """Each file's object has to be among the objects, each of them once; the schema has to be inside."""
    content = json.loads(incremental(archived).to_json())
    match problem:
        case "no schema":
            del content["table_schema"]
        case "no object":
            content["files"][0]["object"] = None
        case "twice":
            content["objects"] *= 2
        case _:
            content["objects"][0]["role"] = "archive"
    with pytest.raises(ManifestError, match=problem):
        parse_manifest(json.dumps(content).encode())


def test_every_field_is_documented() -> None:
    """Each field of the format says what it is."""
    seen: set[type] = set()
    todo: list[Any] = [Manifest]
    while todo:
        kind = todo.pop()
        if has_fields(kind) and kind not in seen:
            seen.add(kind)
            assert kind.__doc__
            for field in kind.__pydantic_fields__.values():
                assert field.description or has_fields(field.annotation)
                todo.append(field.annotation)
        todo.extend(get_args(kind))
    assert len(seen) == 12


def has_fields(kind: Any) -> bool:
    """Whether it is a part of the format that has fields."""
    return isinstance(kind, type) and hasattr(kind, "__pydantic_fields__")
