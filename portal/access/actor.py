"""Who acts: one person in one membership, by a page, the API, a command or a job."""

from contextvars import ContextVar
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from portal.access.rules import GRANTS, HEADQUARTERS, Permission, Role
from portal.core import clock, jobs
from portal.core.scope import Scope


@dataclass(frozen=True)
class Actor:
    person_id: int | None
    name: str
    membership_id: int | None
    network_id: int
    network_code: str
    time_zone: str
    root_path: str
    unit_id: int
    unit_code: str
    unit_kind: str
    unit_name: str
    unit_path: str
    role: Role
    via: str = "page"
    token_id: int | None = None
    language: str | None = None
    scopes: tuple[str, ...] | None = None
    network_name: str = ""
    network_name_en: str = ""
    email: str | None = None
    phone: str | None = None
    capabilities: frozenset[Permission] = field(init=False, default=frozenset())

    def __post_init__(self) -> None:
        granted = GRANTS[self.role]
        if self.scopes is not None:
            granted = granted & {each for each in Permission if each.value in self.scopes}
        object.__setattr__(self, "capabilities", granted)

    def may(self, permission: Permission) -> bool:
        return permission in self.capabilities

    @classmethod
    def commanding(cls, network: Any, headquarters: Any, name: str) -> "Actor":
        """The command line, or the demonstration's loader: acts at headquarters by no person's name."""
        return cls(
            person_id=None,
            name=name,
            membership_id=None,
            network_id=network.id,
            network_code=network.code,
            network_name=network.name,
            network_name_en=network.name_en,
            time_zone=network.time_zone,
            root_path=network.root_path,
            unit_id=headquarters.id,
            unit_code=headquarters.code,
            unit_kind=headquarters.kind,
            unit_name=headquarters.name,
            unit_path=headquarters.unit_path,
            role=Role.ADMINISTRATOR,
            via="command",
        )

    @property
    def scope(self) -> Scope:
        """My unit and all below it."""
        return Scope.below(self.network_id, self.unit_path)

    @property
    def whole_network(self) -> Scope:
        """Headquarters' eyes, for work that acts for headquarters."""
        return Scope.below(self.network_id, self.root_path)

    @property
    def at_headquarters(self) -> bool:
        return self.role in HEADQUARTERS

    @property
    def sees_whole_phones(self) -> bool:
        """A dealer's or store's people in their own rows; all others see them masked (API.md, Conventions)."""
        return self.unit_kind in ("dealer", "store")


_actor: ContextVar[Actor | None] = ContextVar("actor", default=None)


def current_actor() -> Actor:
    """Whoever acts in this request or job. Raises LookupError where nobody does."""
    actor = _actor.get()
    if actor is None:
        raise LookupError("nobody acts here")
    return actor


def actor_or_none() -> Actor | None:
    return _actor.get()


def act_as(actor: Actor | None) -> None:
    """State who acts in this context from now on."""
    _actor.set(actor)
    if actor is not None:
        clock.use_zone(actor.time_zone)


def _dump() -> dict[str, Any] | None:
    actor = _actor.get()
    if actor is None:
        return None
    kept = asdict(replace(actor, via="job", email=None, phone=None))  # all workers read all jobs' rows
    kept.pop("capabilities")
    return kept


def _load(kept: dict[str, Any] | None) -> None:
    if kept is None:
        act_as(None)
        return
    scopes = kept.pop("scopes", None)
    role = Role(kept.pop("role"))
    act_as(Actor(**kept, role=role, scopes=None if scopes is None else tuple(scopes)))


jobs.carry("actor", _dump, _load)
