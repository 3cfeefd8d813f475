"""The lock: roles, permissions, who acts, and the guard that every request passes (no tables)."""

from portal.access.actor import Actor, act_as, actor_or_none, current_actor
from portal.access.guard import (
    PUBLIC,
    SIGNED_IN,
    ApiRoom,
    Need,
    Room,
    is_api,
    need_of,
    register_need,
    roles_for,
    start,
)
from portal.access.rules import GRANTS, HEADQUARTERS, UNIT_KIND, Permission, Role

__all__ = [
    "GRANTS",
    "HEADQUARTERS",
    "PUBLIC",
    "SIGNED_IN",
    "UNIT_KIND",
    "Actor",
    "ApiRoom",
    "Need",
    "Permission",
    "Role",
    "Room",
    "act_as",
    "actor_or_none",
    "current_actor",
    "is_api",
    "need_of",
    "register_need",
    "roles_for",
    "start",
]
