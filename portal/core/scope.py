"""Whose eyes a transaction has: a network and a range of unit paths. Closed unless somebody states it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass


@dataclass(frozen=True)
class Scope:
    """A network and the half-open range [low, high) of unit paths in it, in the C collation."""

    network: int | None = None
    low: str = ""
    high: str = ""

    @classmethod
    def below(cls, network: int, path: str) -> "Scope":
        """The unit at `path` ('0003.0017.') and everything under it: '/' is the character after '.'."""
        return cls(network, path, f"{path[:-1]}/")


CLOSED = Scope()
_scope: ContextVar[Scope] = ContextVar("scope", default=CLOSED)


def current_scope() -> Scope:
    return _scope.get()


def enter(scope: Scope) -> Token[Scope]:
    """State the scope for what follows in this context; `leave` with the token when it ends."""
    return _scope.set(scope)


def leave(token: Token[Scope]) -> None:
    _scope.reset(token)


@contextmanager
def stated(scope: Scope) -> Iterator[None]:
    token = enter(scope)
    try:
        yield
    finally:
        leave(token)
