"""A court for each test."""

from collections.abc import Callable

import pytest

from tests.conftest import ApiClient, Hands
from tests.factories import World
from tests.sanctions.court import Court


@pytest.fixture
def court(world: World, api_as: Callable[..., ApiClient], at: Hands) -> Court:
    return Court(world, api_as, at)
