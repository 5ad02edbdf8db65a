"""What DELETE removes, for all combinations of what is there and what is asked for."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.snapshots import delete_snapshots, list_snapshots


ID = "0123456789abcdef0123456789abcdef"
TAGS = ("1733313018", "pre-drop-1733313018000", "nightly")
KEYSPACES = ("alternator_a", "alternator_a-b", "alternator_users")
NAMES = ("users", "users-old", "users:by_age", "user", ".users")

Place = tuple[str, str, str]
places = st.tuples(st.sampled_from(KEYSPACES), st.sampled_from(NAMES), st.sampled_from(TAGS))


def make(root: Path, snapshots: set[Place]) -> None:
    """Make snapshots with one file each; the table of each has a live file, too."""
    for keyspace, name, tag in snapshots:
        directory = root / keyspace / f"{name}-{ID}"
        (directory / "snapshots" / tag).mkdir(parents=True)
        (directory / "snapshots" / tag / "me-1-big-Data.db").write_text("data")
        (directory / "me-1-big-Data.db").write_text("data")


def found(root: Path) -> set[Place]:
    """The snapshots below a directory."""
    return {
        (path.parents[2].name, path.parents[1].name.removesuffix(f"-{ID}"), path.name)
        for path in root.glob("*/*/snapshots/*")
    }


@settings(max_examples=50)
@given(
    snapshots=st.sets(places, max_size=8),
    dropped=st.sets(st.tuples(st.sampled_from(KEYSPACES), st.sampled_from(NAMES))),
    tag=st.sampled_from(("", *TAGS)),
    keyspaces=st.sets(st.sampled_from(KEYSPACES)),
    name=st.sampled_from(("", *NAMES)),
)
def test_exactly_what_was_asked_for_is_removed(
    snapshots: set[Place], dropped: set[tuple[str, str]], tag: str, keyspaces: set[str], name: str
) -> None:
    """A snapshot goes if tag, keyspace and table fit; live files only with a dropped table's last snapshot."""

    def chosen(place: Place) -> bool:
        in_keyspace = not keyspaces or place[0] in keyspaces
        in_table = not name or f"{place[1]}-".startswith(f"{name}-")
        return in_keyspace and in_table and tag in {"", place[2]}

    with TemporaryDirectory() as directory:
        root = Path(directory)
        make(root, snapshots)
        delete_snapshots(
            root, tag, sorted(keyspaces), name, lambda ks, each: (ks, each.removesuffix(f"-{ID}")) not in dropped
        )
        left = {place for place in snapshots if not chosen(place)}
        assert found(root) == left
        for keyspace, table, _ in snapshots:
            has_files = (root / keyspace / f"{table}-{ID}" / "me-1-big-Data.db").exists()
            if (keyspace, table) not in dropped:
                assert has_files
            elif has_files:
                assert any(place[:2] == (keyspace, table) for place in left)


@settings(max_examples=20)
@given(snapshots=st.sets(places, max_size=8))
def test_all_but_the_hidden_ones_are_listed(snapshots: set[Place]) -> None:
    """The list has every snapshot once, but for those of tables whose names start with a dot."""
    with TemporaryDirectory() as directory:
        root = Path(directory)
        make(root, snapshots)
        listed = [(part.keyspace, part.name, part.tag) for part in list_snapshots(root)]
        assert sorted(listed) == sorted(place for place in snapshots if not place[1].startswith("."))
        assert all((part.total_bytes, part.live_bytes) == (4096, 0) for part in list_snapshots(root))
