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
    RECEIPT_READ = "receipt:read"
    CUSTOMER_READ = "customer:read"
    CUSTOMER_REVEAL = "customer:reveal"
    VISIT_READ = "visit:read"
    VISIT_CALL = "visit:call"
    VISIT_ASSIGN = "visit:assign"
    VISIT_WAIVE = "visit:waive"
    MONTH_SEAL = "month:seal"
    COVERAGE_READ = "coverage:read"
    SIGNAL_READ = "signal:read"
    RECTIFICATION_READ = "rectification:read"
    RECTIFICATION_REPORT = "rectification:report"
    RECTIFICATION_COMMENT = "rectification:comment"
    DOCUMENT_READ = "document:read"
    DOCUMENT_UPLOAD = "document:upload"
    AUDIT_READ = "audit:read"
    UNIT_WRITE = "unit:write"
    PERSON_WRITE = "person:write"
    TOKEN_WRITE = "token:write"  # noqa: S105 - a permission's name
    RULEBOOK_WRITE = "rulebook:write"
    SANCTION_READ = "sanction:read"
    SANCTION_PROPOSE = "sanction:propose"
    SANCTION_SERVE = "sanction:serve"
    SANCTION_WITHDRAW = "sanction:withdraw"
    SANCTION_CLOSE = "sanction:close"
    SANCTION_APPROVE = "sanction:approve"
    SANCTION_DECIDE = "sanction:decide"
    SANCTION_EXECUTE = "sanction:execute"
    SANCTION_ANSWER = "sanction:answer"
    SANCTION_CARRY_OUT = "sanction:carry_out"
    STANDING_READ = "standing:read"
    LEDGER_READ = "ledger:read"
    LEDGER_READ_PERSON = "ledger:read_person"
    LEDGER_POST = "ledger:post"


EVERYBODY = {
    Permission.SELF_READ,
    Permission.UNIT_READ,
    Permission.OBLIGATION_READ,
    Permission.RULEBOOK_READ,
    Permission.NOTICE_READ,
}
PARTY = {
    Permission.SANCTION_READ,
    Permission.SANCTION_ANSWER,
    Permission.STANDING_READ,
    Permission.LEDGER_READ_PERSON,
}
"""Whoever a case may be about: all but the administrator. Which cases and accounts are whose is the rooms' matter."""
FILES = {Permission.CUSTOMER_FILE_READ, Permission.CUSTOMER_READ, Permission.RECEIPT_READ}
DOCUMENTS = {Permission.DOCUMENT_READ, Permission.DOCUMENT_UPLOAD}
FILER = (
    EVERYBODY
    | FILES
    | DOCUMENTS
    | {
        Permission.CUSTOMER_FILE_SUBMIT,
        Permission.RECTIFICATION_READ,
        Permission.RECTIFICATION_REPORT,
    }
)
SUPERIOR = (
    EVERYBODY
    | FILES
    | DOCUMENTS
    | {
        Permission.CUSTOMER_FILE_CHECK,
        Permission.CONSOLIDATION_READ,
        Permission.CONSOLIDATION_SUBMIT,
        Permission.COVERAGE_READ,
        Permission.SIGNAL_READ,
        Permission.RECTIFICATION_READ,
        Permission.RECTIFICATION_COMMENT,
    }
)
CALLER = (
    EVERYBODY
    | FILES
    | DOCUMENTS
    | {
        Permission.CUSTOMER_REVEAL,
        Permission.VISIT_READ,
        Permission.VISIT_CALL,
        Permission.COVERAGE_READ,
        Permission.SIGNAL_READ,
        Permission.RECTIFICATION_READ,
    }
)

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.HQ_AGENT: frozenset(CALLER | PARTY),
    Role.HQ_SUPERVISOR: frozenset(
        CALLER
        | {
            Permission.CONSOLIDATION_READ,
            Permission.CONSOLIDATION_EXPORT,
            Permission.OBLIGATION_DECIDE,
            Permission.VISIT_ASSIGN,
            Permission.VISIT_WAIVE,
            Permission.MONTH_SEAL,
        }
        | PARTY
    ),
    Role.SANCTION_OFFICER: frozenset(
        EVERYBODY
        | DOCUMENTS
        | PARTY
        | {
            Permission.SANCTION_PROPOSE,
            Permission.SANCTION_SERVE,
            Permission.SANCTION_WITHDRAW,
            Permission.SANCTION_CLOSE,
            Permission.SANCTION_EXECUTE,
        }
    ),
    Role.SANCTION_APPROVER: frozenset(
        EVERYBODY
        | {Permission.DOCUMENT_READ}
        | PARTY
        | {Permission.SANCTION_APPROVE, Permission.SANCTION_DECIDE}
    ),
    Role.FINANCE: frozenset(
        EVERYBODY | PARTY | {Permission.SANCTION_EXECUTE, Permission.LEDGER_READ, Permission.LEDGER_POST}
    ),
    Role.EXECUTIVE: frozenset(
        EVERYBODY
        | {Permission.CONSOLIDATION_READ, Permission.RECEIPT_READ, Permission.COVERAGE_READ}
        | PARTY
        | {Permission.LEDGER_READ, Permission.SANCTION_CARRY_OUT}
    ),
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
    Role.CHANNEL_MANAGER: frozenset(SUPERIOR | PARTY),
    Role.REGIONAL_MANAGER: frozenset(SUPERIOR | {Permission.CONSOLIDATION_EXPORT} | PARTY),
    Role.DEALER_PRINCIPAL: frozenset(FILER | {Permission.COVERAGE_READ} | PARTY | {Permission.LEDGER_READ}),
    Role.DEALER_CLERK: frozenset(FILER | PARTY),
    Role.STORE_CLERK: frozenset(FILER | PARTY),
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
