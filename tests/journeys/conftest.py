"""How the journeys sit down before a browser."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page


@pytest.fixture
def sit(house: Any, browser: Browser) -> Iterator[Any]:
    """An empty page of this size and language; a fault of the script, or of the strict CSP, fails the test."""
    contexts: list[Any] = []
    faults: list[str] = []

    def enter(size: tuple[int, int], locale: str, *, script: bool = True) -> Page:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, locale=locale, java_script_enabled=script
        )
        lang = locale[:2]
        context.add_cookies([{"name": "lang", "value": lang, "url": house.address}])
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if "Content Security" in said.text else None)
        return page

    yield enter
    for context in contexts:
        context.close()
    assert faults == []
