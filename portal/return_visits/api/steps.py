"""What is done to one visit or rectification, in one shape: found, read, done, answered."""

from collections.abc import Callable
from functools import wraps
from typing import Generic, TypeVar

from flask import Response

from portal.access import ApiRoom, Permission
from portal.core.api import Model, answer, read_body
from portal.return_visits.api.shapes import EmptyBody

api = ApiRoom("return_visits", __name__)
Found = TypeVar("Found")
Body = TypeVar("Body", bound=Model)


class Steps(Generic[Found]):
    """The steps of one kind of thing: each is POST `path`/verb, and its function gets the thing and the body.

    What lies in another's subtree is 404 (`find` raises NotFound) before its body is looked at.
    """

    def __init__(self, path: str, find: Callable[[int], Found]) -> None:
        self.path = path
        self.find = find

    def __call__(
        self, verb: str, needs: Permission, body: type[Body], gives: type[Model], summary: str
    ) -> Callable[[Callable[[Found, Body], Model]], Callable[..., Response]]:
        def register(act: Callable[[Found, Body], Model]) -> Callable[..., Response]:
            @wraps(act)
            def view(**key: int) -> Response:
                found = self.find(*key.values())
                return answer(act(found, read_body(body, optional=body is EmptyBody)))

            api.post(
                f"{self.path}/{verb}",
                needs=needs,
                body=None if body is EmptyBody else body,
                answers={200: gives},
                summary=summary,
            )(view)
            return view

        return register
