"""The questionnaire's answers against the rulebook's questions. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import lazy_gettext as _

from portal.core.errors import FieldError
from portal.rulebook import ReturnVisits

LONGEST_ANSWER = 2000
SCALE = range(1, 6)


def faults(answers: Mapping[str, Any], book: ReturnVisits) -> list[FieldError]:
    """Answers that belong to no question, or are no answer to theirs. What is left out is no fault."""
    kinds = {question.id: question for question in book.questions}
    wrong = []
    for name, given in answers.items():
        question = kinds.get(name)
        if question is None:
            wrong.append(FieldError(f"/answers/{name}", "unknown_question", _("There is no such question.")))
        elif given is not None and not _fits(question.kind, given, [each.id for each in question.choices]):
            words = _("This is no answer to the question.")
            wrong.append(FieldError(f"/answers/{name}", "invalid_answer", words))
    return wrong


def _fits(kind: str, given: Any, choices: Sequence[str]) -> bool:
    match kind:
        case "yes_no":
            return isinstance(given, bool)
        case "scale":
            return isinstance(given, int) and not isinstance(given, bool) and given in SCALE
        case "choice":
            return given in choices
    return isinstance(given, str) and len(given) <= LONGEST_ANSWER


def unanswered(answers: Mapping[str, Any], book: ReturnVisits) -> list[str]:
    """The required questions without an answer: the call screen points at them before it saves."""
    return [
        question.id for question in book.questions if question.required and answers.get(question.id) is None
    ]
