"""Where the browser is, and what happens to its tests where there is none (a plugin of tests/conftest.py)."""

import os
import shutil

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
ADVICE = "browser tests are skipped: there is no chromium here (apt-get install chromium)"


def find() -> str | None:
    """The path of Debian's chromium or its like."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a browser its tests are skipped, but in CI they fail: nobody reads what CI skips."""
    if find() or os.environ.get("CI"):
        return
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason=ADVICE))


def pytest_report_header() -> str | None:
    return None if find() else ADVICE


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, object]:
    """For pytest-playwright: the machine's chromium; root has no sandbox."""
    path = find()
    assert path, ADVICE
    return {"executable_path": path, "args": ["--no-sandbox"] if os.geteuid() == 0 else []}
