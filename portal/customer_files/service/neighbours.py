"""Calls into rooms that are still being built; each becomes a plain import once its room is there."""

from collections.abc import Iterable, Sequence

from portal.access import Actor
from portal.network import Unit


def take_in(actor: Actor, file_ids: Sequence[int]) -> None:
    """The people of what was just submitted become customers of their dealer (room `customers`, next migration)."""


def tell(actor: Actor, units: Iterable[Unit], what: str, words: str) -> None:
    """A message in the portal to those who answer for these units (room `notices`)."""
