"""The page of all settings, held against the generator that has to have made it, and that against the settings."""

from daemon.settings_page import sections, settings_page
from tests.documents import document
from tests.settings_keys import KEYS


def test_the_page_is_what_the_generator_prints() -> None:
    """Nobody has changed a setting without `make docs`, nor the page by hand."""
    assert document("docs/settings.md") == settings_page()


def test_it_has_every_key() -> None:
    """Each key that settings.toml can have stands on the page, under each section that has it."""
    told = [f"{section.path}.{key}" for section in sections() if not section.is_list for key in section.keys]
    lists = [section.path for section in sections() if section.is_list]
    assert sorted({*told, *lists}) == sorted(KEYS)
