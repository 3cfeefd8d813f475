"""Production refuses what is weak, and says so without telling what it was given."""

import secrets
from typing import Any

import pytest
from pydantic import ValidationError

from config.settings import Settings

GOOD = {
    "portal_production": True,
    "database_url": "postgresql://login:s3cr3t-of-the-database@host/portal",
    "secret_key": secrets.token_urlsafe(48),
    "portal_demo": False,
    "portal_now": None,
}


def settings(**changes: Any) -> Settings:
    return Settings(_env_file=None, **(GOOD | changes))


def test_good_values_are_taken():
    assert settings().portal_production
    assert settings(secret_key=secrets.token_hex(32)).secret() is not None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"database_url": None}, "DATABASE_URL"),
        ({"database_url": ""}, "DATABASE_URL"),
        ({"secret_key": None}, "SECRET_KEY"),
        ({"secret_key": "k3y" * 10}, "SECRET_KEY"),
        ({"secret_key": "a" * 64}, "not random"),
        ({"secret_key": "changeme" * 8}, "not random"),
        ({"portal_demo": True}, "PORTAL_DEMO"),
        ({"portal_now": "2026-11-03T10:00:00+08:00"}, "PORTAL_NOW"),
        ({"portal_trusted_proxies": 99}, "portal_trusted_proxies"),
        ({"portal_pool_size": 0}, "portal_pool_size"),
    ],
)
def test_weak_values_are_refused(changes: dict[str, Any], words: str):
    with pytest.raises(ValidationError, match=words) as refused:
        settings(**changes)
    said = str(refused.value)
    assert "s3cr3t-of-the-database" not in said
    assert GOOD["secret_key"] not in said
