"""What fails in the wake of a lost connection is told as what it is, and as nothing else."""

import psycopg
import pytest
from flask import Flask
from sqlalchemy.exc import InvalidRequestError, OperationalError

from portal import refusals

LOST = OperationalError("SELECT 1", {}, psycopg.OperationalError("server closed the connection unexpectedly"))


def raised(error: Exception, *, within: Exception | None = None, cause: Exception | None = None) -> int:
    """The status of a page whose view raises this."""
    app = Flask(__name__)
    told: list[int] = []

    @app.get("/")
    def view() -> str:
        try:
            if within is not None:
                raise within
        except OperationalError:
            raise error from cause
        raise error from cause

    @app.errorhandler(Exception)
    def handler(found: Exception) -> str:
        told.append(503 if refusals.database_went_away(found) else 500)
        return ""

    app.test_client().get("/")
    return told[0]


@pytest.mark.parametrize("error", [LOST, psycopg.OperationalError("the connection is lost")])
def test_a_lost_connection_is_503(error):
    assert raised(error) == 503


def test_a_savepoint_that_cannot_end_is_what_ended_it():
    assert raised(InvalidRequestError("can't roll back"), within=LOST) == 503
    assert raised(InvalidRequestError("can't roll back"), cause=LOST) == 503


def test_a_fault_of_our_own_is_a_fault_of_our_own():
    assert raised(KeyError("month")) == 500
    assert raised(InvalidRequestError("no transaction"), cause=KeyError("month")) == 500


def test_an_error_that_is_its_own_cause_ends():
    error = KeyError("month")
    error.__context__ = other = ValueError("x")
    other.__context__ = error
    assert refusals.database_went_away(error) is False
