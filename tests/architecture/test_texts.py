"""Both languages are complete: every text that code or a template asks for has its Chinese."""

from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from config.settings import ROOT
from portal.core.texts import TRANSLATIONS

METHODS = [("portal/**.py", "python"), ("templates/**.html", "jinja2.ext.babel_extract")]
KEYWORDS = {
    "_": None,
    "gettext": None,
    "lazy": None,
    "lazy_gettext": None,
    "ngettext": (1, 2),
    "lazy_ngettext": (1, 2),
    "lazy_pgettext": ((1, "c"), 2),
    "pgettext": ((1, "c"), 2),
}


def _known() -> set[tuple[str | None, str]]:
    known = set()
    for source in TRANSLATIONS.glob("zh_Hans_CN/LC_MESSAGES/*.po"):
        with source.open("rb") as opened:
            for message in read_po(opened):
                words = message.id if isinstance(message.id, str) else (message.id or [""])[0]
                strings = [message.string] if isinstance(message.string, str) else list(message.string or [])
                if words and strings and all(strings) and not message.fuzzy:
                    known.add((message.context, words))
    return known


def test_every_text_has_its_chinese():
    known = _known()
    lacking = set()
    found = extract_from_dir(ROOT, METHODS, {"templates/**.html": {"silent": "false"}}, KEYWORDS)
    for filename, line, words, _, context in found:
        first = words if isinstance(words, str) else words[0]
        if not filename.startswith(("portal/", "templates/")) or not first:
            continue
        if (context, first) not in known:
            lacking.add(f"{filename}:{line} {first!r}")
    assert sorted(lacking) == []


def test_placeholders_are_the_same_in_both_languages():
    wrong = []
    for source in TRANSLATIONS.glob("zh_Hans_CN/LC_MESSAGES/*.po"):
        with source.open("rb") as opened:
            for message in read_po(opened):
                ids = [message.id] if isinstance(message.id, str) else list(message.id)
                strings = [message.string] if isinstance(message.string, str) else list(message.string)
                wanted = {part for each in ids for part in each.split("%(")[1:]}
                given = {part for each in strings for part in each.split("%(")[1:]}
                names = {part.partition(")")[0] for part in wanted}
                used = {part.partition(")")[0] for part in given}
                if message.id and not used <= names:
                    wrong.append(f"{source.name}: {ids[0]!r} uses {sorted(used - names)}")
    assert wrong == []


def test_a_text_has_one_chinese():
    """The catalogues become one: a text that two rooms put differently would read as the last one read has it."""
    found: dict[tuple[str | None, str], dict[str, str]] = {}
    for source in sorted(TRANSLATIONS.glob("zh_Hans_CN/LC_MESSAGES/*.po")):
        with source.open("rb") as opened:
            for message in read_po(opened):
                first = message.id if isinstance(message.id, str) else message.id[0]
                string = message.string if isinstance(message.string, str) else message.string[0]
                if first:
                    found.setdefault((message.context, first), {})[source.name] = string
    wrong = {key: texts for key, texts in found.items() if len(set(texts.values())) > 1}
    assert wrong == {}, "give one of them a context (pgettext)"
