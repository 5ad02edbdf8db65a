import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_core.errors import ManifestError
from backup_core.repository.manifest import Manifest, Range, Ring
from backup_core.restore.coverage import ALL_TOKENS, GREATEST_TOKEN, LEAST_TOKEN, percent, ring_coverage
from tests.restore_samples import manifest, recorded


OWN, OTHER = ("127.0.0.1",), ("127.0.0.2",)
TOKENS = st.integers(LEAST_TOKEN + 1, GREATEST_TOKEN)


def with_ranges(*ranges: tuple[int, int, tuple[str, ...]]) -> Manifest:
    """A manifest of the node 127.0.0.1."""
    told = tuple(Range(start=str(start), end=str(end), endpoints=endpoints) for start, end, endpoints in ranges)
    return manifest("users", ring=Ring(replication=None, tablets=None, ranges=told))


@pytest.mark.parametrize("version", ["6.2.3", "2026.1.12"])
def test_a_recorded_ring_of_one_node_is_covered(version: str) -> None:
    """Vnodes that go round the end and tablets that start at the least token both make the whole ring."""
    answers = [
        answer
        for answer in recorded(version, "rest.json")
        if "describe_ring" in answer["request"] and "table" in answer["query"]
    ]
    for answer in answers:
        ring = json.loads(answer["body"])
        ranges = [(int(each["start_token"]), int(each["end_token"]), tuple(each["endpoints"])) for each in ring]
        assert ring_coverage([with_ranges(*ranges)]) == 1.0
        assert ring_coverage([with_ranges(*ranges[1:])]) < 1.0


@given(st.lists(TOKENS, min_size=1, max_size=6, unique=True), st.lists(st.booleans(), min_size=6, max_size=6))
def test_coverage_is_the_part_of_the_ranges_held(tokens: list[int], held: list[bool]) -> None:
    """However a ring is cut, and wherever it is cut in other backups, each token counts once, and only if held."""
    tokens.sort()
    ranges = list(zip([tokens[-1], *tokens[:-1]], tokens, strict=True))
    lengths = [(end - start) % (ALL_TOKENS + 1) or ALL_TOKENS + 1 for start, end in ranges]
    # The least token, which no row has, is in the range that goes round the end.
    lengths[0] -= 1
    owned = [(*each, OWN if own else OTHER) for each, own in zip(ranges, held, strict=False)]
    expected = sum(length for length, own in zip(lengths, held, strict=False) if own)
    twice = [with_ranges(*owned), with_ranges(*reversed(owned))]
    coverage = ring_coverage(twice)
    assert coverage is not None
    assert coverage == pytest.approx(expected / ALL_TOKENS)
    assert (coverage == 1.0) == (expected == ALL_TOKENS)


def test_nodes_complete_each_other() -> None:
    """Two halves make a whole, and one token that is missing is never rounded away."""
    lower = with_ranges((LEAST_TOKEN, 0, OWN), (0, GREATEST_TOKEN, OTHER))
    upper = with_ranges((LEAST_TOKEN, 0, OTHER), (0, GREATEST_TOKEN, OWN))
    almost = with_ranges((1, GREATEST_TOKEN, OWN))
    assert ring_coverage([lower]) == pytest.approx(0.5)
    assert ring_coverage([lower, upper]) == 1.0
    assert ring_coverage([lower, almost]) < 1.0
    assert percent(ring_coverage([lower, almost])) == "99.9 %"
    assert percent(1.0) == "100 %"


def test_what_no_manifest_tells_is_unknown() -> None:
    """Without ranges nothing is claimed, unless the others cover everything."""
    silent = manifest("users", ring=Ring(replication=None, tablets=None, ranges=None))
    half = with_ranges((LEAST_TOKEN, 0, OWN))
    assert ring_coverage([silent]) is None
    assert ring_coverage([None, half]) is None
    assert ring_coverage([None, half, with_ranges((0, GREATEST_TOKEN, OWN))]) == 1.0
    assert percent(None) == "unknown"


@pytest.mark.parametrize("token", ["", "x", "9223372036854775808", "-" + "9" * 5000, "1.5"])
def test_a_token_that_is_none_is_a_manifest_error(token: str) -> None:
    """A ring made up by somebody hostile is refused with one line."""
    ranges = (Range(start="0", end=token, endpoints=OWN),)
    with pytest.raises(ManifestError, match="which is none"):
        ring_coverage([manifest("users", ring=Ring(replication=None, tablets=None, ranges=ranges))])
