"""The theme that follows the system repeats the dark tokens: both must say the same."""

import re

from config.settings import ROOT

CSS = ROOT / "static" / "css"


def variables(block: str) -> dict[str, str]:
    return dict(re.findall(r"(--[\w-]+):([^;}]+)", block))


def test_auto_is_dark_where_the_system_is() -> None:
    tokens = (CSS / "tokens.css").read_text(encoding="utf-8")
    portal = (CSS / "portal.css").read_text(encoding="utf-8")
    dark = re.search(r"\[data-bs-theme=dark\]\{(.*?)\n\}", tokens, re.S)
    auto = re.search(r"prefers-color-scheme:dark\)\{\n\[data-bs-theme=auto\]\{(.*?)\n\}", portal, re.S)
    assert dark
    assert auto
    wanted, found = variables(dark[1]), variables(auto[1])
    assert {name: found.get(name) for name in wanted} == wanted


def test_icons_that_templates_name_are_in_the_sprite() -> None:
    sprite = set(re.findall(r'id="i-(\w+)"', (ROOT / "templates" / "icons.svg").read_text(encoding="utf-8")))
    named = set()
    for template in (ROOT / "templates").rglob("*.html"):
        named |= set(re.findall(r"\bic\('(\w+)'", template.read_text(encoding="utf-8")))
    assert named - sprite == set()
