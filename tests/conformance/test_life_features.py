"""What a table has besides keys and items: tags, write isolation, time to live, a stream."""

import time

import pytest

from tests.conformance.life_items import Item, items
from tests.conformance.life_shapes import Shape
from tests.conformance.life_site import LiveTable, Site
from tests.conformance.test_life_shapes import there_and_back


pytestmark = pytest.mark.slow


MOST_TAGS = 50
ISOLATION = {"system:write_isolation": "only_rmw_uses_lwt"}
VIEW_TYPES = ("KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES")
ON_VNODES = {"system:initial_tablets": "none"}


def tagged(keys: str, **tags: str) -> Shape:
    """A table with as many tags as it may have, those that are given among them."""
    others = {f"key {number} +-=._:/": f"value {number}" for number in range(MOST_TAGS - len(tags))}
    return Shape(keys, {"by_a": "a:S"}, tags=others | tags)


def test_tags_and_time_to_live(site: Site) -> None:
    """One tag and fifty come back, those of a later day too, with write isolation; so does a time to live beside them.

    It is on an attribute of its own, and on one that is a key of an index.
    """
    later = site.make(site.name("later"), Shape("pk:S", tags={"a": "1", "b": "2"}))
    arn = site.dynamodb.describe_table(TableName=later.name)["Table"]["TableArn"]
    site.dynamodb.tag_resource(ResourceArn=arn, Tags=[{"Key": "b", "Value": ""}, {"Key": "c", "Value": "3"}])
    site.dynamodb.untag_resource(ResourceArn=arn, TagKeys=["a"])
    full = site.make(site.name("full"), tagged("pk:S", **ISOLATION), expiring("until"))
    indexed = site.make(site.name("indexed"), Shape("pk:S", {"by_when": "when:N"}), expiring("when"))
    refusals = [switch_on(full, "until"), switch_on(indexed, "when")]
    tags = full.seen().description["Tags"]
    assert len(tags) >= MOST_TAGS
    assert tags.items() >= ISOLATION.items()
    there_and_back(site, later, full, indexed)
    if any(refusals):
        pytest.skip(f"tags are all right, but this server has no time to live for such tables: {refusals}")
    described = site.dynamodb.describe_time_to_live(TableName=full.name)["TimeToLiveDescription"]
    assert described == {"TimeToLiveStatus": "ENABLED", "AttributeName": "until"}


def expiring(attribute: str) -> Item:
    """An item that expires long after the test."""
    return {"pk": {"S": "a"}, "a": {"S": "b"}, attribute: {"N": str(int(time.time()) + 10**7)}}


def switch_on(table: LiveTable, attribute: str) -> str:
    """Switch a time to live on; what the server says where it can't."""
    specification = {"Enabled": True, "AttributeName": attribute}
    try:
        table.site.dynamodb.update_time_to_live(TableName=table.name, TimeToLiveSpecification=specification)
    except table.site.dynamodb.exceptions.ClientError as error:
        return str(error)
    return ""


def test_streams(site: Site) -> None:
    """A stream of each view type is on again, also on a table with tags and a write isolation."""
    made = {view_type: with_stream(site, view_type) for view_type in VIEW_TYPES}
    arn = site.dynamodb.describe_table(TableName=made[VIEW_TYPES[0]].name)["Table"]["TableArn"]
    tags = [{"Key": key, "Value": value} for key, value in {"a": "b", **ISOLATION}.items()]
    site.dynamodb.tag_resource(ResourceArn=arn, Tags=tags)
    there_and_back(site, *made.values())
    for view_type, table in made.items():
        described = site.dynamodb.describe_table(TableName=table.name)["Table"]
        assert described["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": view_type}


def with_stream(site: Site, view_type: str) -> LiveTable:
    """A table with a stream, on vnodes where that has to be; skip the test where the server has no streams."""
    name, stream = site.name(view_type), {"StreamEnabled": True, "StreamViewType": view_type}
    refusals = []
    for tags in ({}, ON_VNODES):
        shape = Shape("pk:S sk:B", {"by_a": "a:S"}, {"local": "b:N"}, tags=tags)
        try:
            table = site.make(name, shape, StreamSpecification=stream)
        except site.dynamodb.exceptions.ClientError as error:
            refusals.append(str(error))
        else:
            table.put(*items(shape, 6))
            return table
    pytest.skip(f"this server has no streams for new tables: {'; '.join(refusals)}")
