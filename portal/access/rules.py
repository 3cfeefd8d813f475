"""Who may do what: the twelve roles and their permissions, in one table (API.md, Who may do what)."""

from enum import StrEnum


class Role(StrEnum):
    HQ_AGENT = "hq_agent"
    HQ_SUPERVISOR = "hq_supervisor"
    SANCTION_OFFICER = "sanction_officer"
    SANCTION_APPROVER = "sanction_approver"
    FINANCE = "finance"
    EXECUTIVE = "executive"
    ADMINISTRATOR = "administrator"
    CHANNEL_MANAGER = "channel_manager"
    REGIONAL_MANAGER = "regional_manager"
    DEALER_PRINCIPAL = "dealer_principal"
    DEALER_CLERK = "dealer_clerk"
    STORE_CLERK = "store_clerk"


class Permission(StrEnum):
    SELF_READ = "self:read"
    UNIT_READ = "unit:read"
    OBLIGATION_READ = "obligation:read"
    OBLIGATION_DECIDE = "obligation:decide"
    RULEBOOK_READ = "rulebook:read"
    NOTICE_READ = "notice:read"
    CUSTOMER_FILE_SUBMIT = "customer_file:submit"
    CUSTOMER_FILE_READ = "customer_file:read"
    CUSTOMER_FILE_CHECK = "customer_file:check"
    CONSOLIDATION_READ = "consolidation:read"
    CONSOLIDATION_SUBMIT = "consolidation:submit"
    CONSOLIDATION_EXPORT = "consolidation:export"
    CUSTOMER_READ = "customer:read"
    CUSTOMER_REVEAL = "customer:reveal"
    AUDIT_READ = "audit:read"
    UNIT_WRITE = "unit:write"
    PERSON_WRITE = "person:write"
    TOKEN_WRITE = "token:write"  # noqa: S105 - a permission's name
    RULEBOOK_WRITE = "rulebook:write"


EVERYBODY = {
    Permission.SELF_READ,
    Permission.UNIT_READ,
    Permission.OBLIGATION_READ,
    Permission.RULEBOOK_READ,
    Permission.NOTICE_READ,
}
FILES = {Permission.CUSTOMER_FILE_READ, Permission.CUSTOMER_READ}
FILER = EVERYBODY | FILES | {Permission.CUSTOMER_FILE_SUBMIT}
SUPERIOR = (
    EVERYBODY
    | FILES
    | {Permission.CUSTOMER_FILE_CHECK, Permission.CONSOLIDATION_READ, Permission.CONSOLIDATION_SUBMIT}
)

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.HQ_AGENT: frozenset(EVERYBODY | FILES | {Permission.CUSTOMER_REVEAL}),
    Role.HQ_SUPERVISOR: frozenset(
        EVERYBODY
        | FILES
        | {
            Permission.CUSTOMER_REVEAL,
            Permission.CONSOLIDATION_READ,
            Permission.CONSOLIDATION_EXPORT,
            Permission.OBLIGATION_DECIDE,
        }
    ),
    Role.SANCTION_OFFICER: frozenset(EVERYBODY),
    Role.SANCTION_APPROVER: frozenset(EVERYBODY),
    Role.FINANCE: frozenset(EVERYBODY),
    Role.EXECUTIVE: frozenset(EVERYBODY | {Permission.CONSOLIDATION_READ}),
    Role.ADMINISTRATOR: frozenset(
        EVERYBODY
        | {
            Permission.AUDIT_READ,
            Permission.UNIT_WRITE,
            Permission.PERSON_WRITE,
            Permission.TOKEN_WRITE,
            Permission.RULEBOOK_WRITE,
        }
    ),
    Role.CHANNEL_MANAGER: frozenset(SUPERIOR),
    Role.REGIONAL_MANAGER: frozenset(SUPERIOR | {Permission.CONSOLIDATION_EXPORT}),
    Role.DEALER_PRINCIPAL: frozenset(FILER),
    Role.DEALER_CLERK: frozenset(FILER),
    Role.STORE_CLERK: frozenset(FILER),
}

HEADQUARTERS = {
    Role.HQ_AGENT,
    Role.HQ_SUPERVISOR,
    Role.SANCTION_OFFICER,
    Role.SANCTION_APPROVER,
    Role.FINANCE,
    Role.EXECUTIVE,
    Role.ADMINISTRATOR,
}
UNIT_KIND: dict[Role, str] = {
    **dict.fromkeys(HEADQUARTERS, "headquarters"),
    Role.CHANNEL_MANAGER: "channel",
    Role.REGIONAL_MANAGER: "region",
    Role.DEALER_PRINCIPAL: "dealer",
    Role.DEALER_CLERK: "dealer",
    Role.STORE_CLERK: "store",
}
"""The kind of unit at which each role works."""
