"""What can go wrong in the domain. These know no HTTP; `portal.app` turns them into a page or problem+json."""

from dataclasses import dataclass
from typing import Any


class PortalError(Exception):
    """A refusal that the asker can understand: a stable `code` and a `detail` in words (may be a lazy text)."""

    status = 400
    title = "Bad request"

    def __init__(self, code: str, detail: Any = "", **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.extra = extra


class NotFound(PortalError):
    """The thing is not there, or lies in somebody else's unit: the answer is the same."""

    status = 404
    title = "Not found"

    def __init__(self, code: str = "not_found", detail: Any = "", **extra: Any) -> None:
        super().__init__(code, detail, **extra)


class NotAllowed(PortalError):
    """This person may never do this (role), or not on this object (four eyes)."""

    status = 403
    title = "Not allowed"


class Conflict(PortalError):
    """The thing is not in the state that this needs."""

    status = 409
    title = "Conflict"


class TooMany(PortalError):
    """Too many requests; `retry_after` is in seconds."""

    status = 429
    title = "Too many requests"

    def __init__(self, detail: Any, retry_after: int) -> None:
        super().__init__("rate_limited", detail)
        self.retry_after = retry_after


def pointer(*parts: Any) -> str:
    """A JSON pointer (RFC 6901) to these parts."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


@dataclass(frozen=True)
class FieldError:
    """One wrong field: `pointer` as JSON pointer ('/rows/0/reason'), a code, and how to mend it."""

    pointer: str
    code: str
    detail: Any


class Invalid(PortalError):
    """The input's fields are wrong."""

    status = 422
    title = "Unprocessable content"

    def __init__(
        self, code: str = "invalid", detail: Any = "", errors: list[FieldError] | None = None, **extra: Any
    ) -> None:
        super().__init__(code, detail, **extra)
        self.errors = errors or []


class Unavailable(PortalError):
    """Database or disk is away: nothing was taken in."""

    status = 503
    title = "Service unavailable"
    retry_after = 10  # seconds

    def __init__(self, detail: Any) -> None:
        super().__init__("unavailable", detail)
