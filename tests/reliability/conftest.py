"""One installation for all tests of this folder: setting it up takes longer than most of them."""

from collections.abc import Iterator

import pytest

from tests.reliability.house import House, a_house
from tests.reliability.test_rush import DEALERS


@pytest.fixture(scope="session")
def furnished() -> Iterator[House]:
    with a_house(DEALERS) as made:
        yield made


@pytest.fixture
def house(furnished: House) -> House:
    """It runs, at the third of November, and is well."""
    furnished.open()
    return furnished
