"""Tables whose names trip programs up: nothing that lies on disk or goes over a wire may take one for another."""

import pytest

from tests.conformance.life_shapes import Shape
from tests.conformance.life_site import Site


pytestmark = pytest.mark.slow


LENGTH = 184

SHAPE = Shape("pk:S sk:N", {"gsi": "a:S"}, {"lsi": "b:S"})


def test_names(site: Site) -> None:
    """Dots, dashes, a dot or a dash at the beginning, only dots, 184 characters, capitals: each table is itself again.

    Then the oddest come back once more, beside themselves.
    """
    names = [
        site.name("with.two.dots"),
        site.name("with-dashes-"),
        site.name("hidden", before="."),
        site.name("option", before="-"),
        site.claim("..."),
        site.name("").ljust(LENGTH, "x"),
        site.name("Case"),
        site.name("case"),
    ]
    tables = {}
    for number, name in enumerate(names):
        item = {"pk": {"S": name}, "sk": {"N": str(number)}, "a": {"S": f"a{number}"}, "b": {"S": "b"}}
        tables[name] = site.make(site.claim(name), SHAPE, item)
    before = {name: table.seen() for name, table in tables.items()}
    tag = site.back_up(*names)
    site.delete(*names)
    told = site.restore("--all", "--run", tag)
    assert sorted(each["target"] for each in told) == sorted(names)
    for name in names:
        site.assert_restored(name, before[name])

    copies = {
        site.name("copy", before="."): names[4],
        f"{names[5]}_copy": names[5],
        site.name("-copy", before="-"): names[3],
    }
    for copy, name in copies.items():
        site.claim(copy)
        site.restore(f"--as={copy}", "--", name)
        site.assert_restored(copy, before[name])
        site.assert_restored(name, before[name])
