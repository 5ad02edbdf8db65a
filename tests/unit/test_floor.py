"""How much stays free."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_core.floor import Floor


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [("20%", 200), ("0", 0), ("0%", 0), ("1.5 KiB", 1536), ("2kb", 2000), ("12", 12), ("99.9%", 999)],
)
def test_shares_and_sizes_are_read(text: str, size_bytes: int) -> None:
    """A share counts from the disk's size, a size counts as it is."""
    assert Floor.parse(text).of(1000) == size_bytes


def test_a_floor_was_told_in_bytes() -> None:
    """Messages tell a share with what it comes to, and a size as people read it."""
    share, size = Floor.parse("20%"), Floor.parse("10GiB")
    assert (str(share), share.told(share.of(60 << 30))) == ("20%", "20% (12.0 GiB)")
    assert (str(size), size.told(size.of(60 << 30))) == ("10.0 GiB", "10.0 GiB")


@pytest.mark.parametrize("text", ["", "%", "100%", "-1", "much", "10 XiB", "1e3", "5 %%"])
def test_what_is_neither_is_refused(text: str) -> None:
    """Anything else is an error that shows the text."""
    with pytest.raises(ValueError, match="neither|unknown unit|leaves nothing"):
        Floor.parse(text)


@given(st.text(max_size=12))
def test_no_text_breaks_the_parser(text: str) -> None:
    """Any text is read or refused, and what is read is never negative."""
    try:
        floor = Floor.parse(text)
    except ValueError:
        return
    assert floor.of(10**12) >= 0
