"""Typed settings from the environment (and `.env`); weak production values are refused before anything starts."""

import secrets
from datetime import datetime
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent
SHORTEST_SECRET = 32
FEWEST_LETTERS = 10  # different ones in a random key; in 32 hexadecimal digits there are hardly ever fewer
DEMONSTRATION_NOW = datetime.fromisoformat("2026-11-06T09:30:00+08:00")
"""The demonstration's morning: after the dealers' deadline, before the regions'."""


class Settings(BaseSettings):
    """What an installation can decide. Each field is the environment variable of the same name in capitals.

    `production` is asked for by PORTAL_PRODUCTION=1: then DATABASE_URL and a SECRET_KEY of 32 characters or more
    are required, cookies travel over https only, and PORTAL_NOW is refused (API.md, Environment).
    """

    model_config = SettingsConfigDict(
        env_file=ROOT / ".env", extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    database_url: str | None = None
    secret_key: str | None = None
    portal_data: Path = ROOT / "instance"
    portal_now: datetime | None = None
    portal_production: bool = False
    portal_demo: bool = False
    portal_test: bool = False
    portal_database: str = Field("portal", pattern=r"^[a-z][a-z0-9_]{0,40}$")
    portal_trusted_proxies: int = Field(0, ge=0, le=5)
    portal_pool_size: int = Field(8, ge=1, le=100)

    @model_validator(mode="after")
    def refuse_weak_values(self) -> Self:
        if self.portal_now is not None and self.portal_now.tzinfo is None:
            raise ValueError("PORTAL_NOW needs an offset, for example 2026-11-03T10:00:00+08:00")
        if not self.portal_production:
            if self.portal_demo and self.portal_now is None:
                self.portal_now = DEMONSTRATION_NOW
            return self
        if self.portal_now is not None:
            raise ValueError("PORTAL_NOW is for demonstration and tests; production runs on the real clock")
        if self.portal_demo:
            raise ValueError("PORTAL_DEMO shows accounts with their passwords; production cannot have it")
        if not self.database_url:
            raise ValueError(
                "production needs DATABASE_URL: the embedded database is for trial and development"
            )
        if not self.secret_key or len(self.secret_key) < SHORTEST_SECRET:
            raise ValueError(f"production needs a SECRET_KEY of {SHORTEST_SECRET} random characters or more")
        if len(set(self.secret_key)) < FEWEST_LETTERS:
            raise ValueError(
                "this SECRET_KEY is not random: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
            )
        return self

    @property
    def data_folder(self) -> Path:
        """Absolute folder of the embedded database and the documents."""
        return self.portal_data if self.portal_data.is_absolute() else ROOT / self.portal_data

    def secret(self) -> str:
        """The signing key: the given one, else one that is made once and kept beside the data (mode 600)."""
        if self.secret_key:
            return self.secret_key
        kept = self.data_folder / "secret_key"
        if not kept.exists():
            self.data_folder.mkdir(parents=True, exist_ok=True)
            fresh = kept.with_suffix(f".{secrets.token_hex(4)}")
            fresh.touch(mode=0o600)
            fresh.write_text(secrets.token_urlsafe(48))
            try:
                kept.hardlink_to(fresh)  # the first process wins; the others read its key
            except FileExistsError:
                pass
            finally:
                fresh.unlink()
        return kept.read_text()
