"""The pages of cases, by a browser without script; each page that is opened is also inspected."""

import io
from collections.abc import Callable
from typing import Any

import pytest

from portal import clocks
from portal.access import Role, roles_for
from portal.access.rules import Permission
from portal.rulebook import Who
from portal.sanctions.forms import MeasureRow, Sent, read_measures
from portal.sanctions.rules import Measure, MeasureKind, faults
from tests.access.test_matrix import ONE_OF_EACH
from tests.conftest import NOW, Hands
from tests.factories import World, commander

Browse = Callable[..., Any]
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc0000003010100"
    "18dd8db00000000049454e44ae426082"
)


class Hall:
    """Everybody with a browser, and the case that they talk about."""

    def __init__(self, world: World, browse: Browse, at: Hands) -> None:
        self.world, self.at, self._browse = world, at, browse
        self._known: dict[Any, Any] = {}
        self.number = ""

    def __call__(self, who: str) -> Any:
        key = who, self.at.moment.date()  # nobody stays signed in for days
        if key not in self._known:
            self._known[key] = self._browse(self.world.actors[who])
        return self._known[key]

    @property
    def case(self) -> str:
        return f"/sanctions/{self.number}"

    def act(self, who: str, act: str, **form: Any) -> Any:
        return self(who).send(f"{self.case}/{act}", form, page=self.case, content_type="multipart/form-data")

    def done(self, who: str, act: str, **form: Any) -> None:
        answer = self.act(who, act, **form)
        assert answer.status_code == 302, answer.text

    def margin(self, amount: str, unit: str = "D1") -> None:
        form = {"amount": amount, "reference": f"B-{amount}-{unit}"}
        assert (
            self("finance").send(f"/margin/{unit}/deposits", form, page=f"/margin/{unit}").status_code == 302
        )

    def propose(self, **form: Any) -> str:
        given = {"rule": "brand_damaged", "unit": "D1", "facts": "媒体报道了这件事。"} | form
        answer = self("officer").send("/sanctions/new", given, content_type="multipart/form-data")
        assert answer.status_code == 302, answer.text
        self.number = answer.headers["Location"].rpartition("/")[2]
        return self.number

    def approved(self, **form: Any) -> None:
        self.at.forward(days=3)
        given = {"opinion": "approve", "note": "事实清楚。", "sure": "1"} | form
        self.done("approver", "approve", **given)


@pytest.fixture
def hall(world: World, browser_as: Browse, at: Hands) -> Hall:
    return Hall(world, browser_as, at)


def fine(amount: str) -> dict[str, str]:
    return {"m-0-kind": "fine", "m-0-amount": amount}


def test_r047_from_the_breach_by_the_clock_to_the_ledger(hall: Hall) -> None:
    """Breach → draft → proposed → stated → approved → served → appealed → varied → executed → statement."""
    world, at = hall.world, hall.at
    hall.margin("20000")
    at("2026-11-06 00:01:00")
    commander(world.network)
    clocks.sweep(world.network, at.moment)
    board = hall("officer").page("/sanctions")
    assert "草案" in board.text
    hall.number = next(
        link.rpartition("/")[2] for link in board.links if "/sanctions/CF-" in link and "decision" not in link
    )
    page = hall("officer").page("/sanctions?q=D1")
    hall.number = next(link.rpartition("/")[2] for link in page.links if link.startswith("/sanctions/CF-"))
    assert hall("principal").get(hall.case).status_code == 404
    case = hall("officer").page(hall.case)
    assert "R047" in case.text
    assert "取消营销政策支持" in case.text
    hall.done("officer", "propose", facts="第二次没有上报。", **fine("5000"))
    own = hall("officer").page(hall.case)
    assert "您是提议人，不能审批" in own.text
    assert "opinion" not in {given.get("name") for given in own.inputs}
    assert "陈述" in hall("approver").page(hall.case).text  # the party's time is not over
    silent = hall.act("approver", "approve", opinion="approve", sure="1")
    assert (silent.status_code, "请写明理由：会记入案件，当事人可见。" in silent.text) == (
        422,
        True,
    )  # it stands in the decision
    assert hall.act("approver", "approve", opinion="approve", note="属实", sure="1").status_code == 409
    party = hall("principal").page(hall.case)
    assert "第二次没有上报" in party.text
    hall.done("principal", "statement", text="那几天搬家。", documents=(io.BytesIO(PNG), "搬家.png"))
    seen = hall("approver").page(hall.case)
    assert "那几天搬家" in seen.text
    papers = [link for link in seen.links if "/documents/" in link]
    assert hall("approver").get(papers[0]).status_code == 200
    check = hall.act("approver", "approve", opinion="milder", note="减轻。", **fine("3000"))
    assert check.status_code == 200
    assert "¥3,000.00" in check.text
    hall.done("approver", "approve", opinion="milder", note="减轻。", sure="1", **fine("3000"))
    assert "¥3,000.00" in hall("principal").page("/margin/D1").text  # on hold
    hall.done("officer", "serve")
    hall.done("principal", "acknowledge")
    hall.done("principal", "appeal", grounds="是承运人的责任。")
    assert hall.act("approver", "decide", opinion="upheld", note="不成立", sure="1").status_code == 403
    assert "1 件申诉" in hall("approver2").page("/appeals").headings[0]
    hall.done("approver2", "decide", opinion="varied", note="部分成立。", sure="1", **fine("1000"))
    hall.done("finance", "execute")
    final = hall("principal").page(hall.case)
    assert "部分成立" in final.text
    account = hall("principal").page("/margin/D1")
    assert "¥19,000.00" in account.headings[0]
    assert hall.number in account.text
    paper = hall("principal").get(f"{hall.case}/decision.pdf")
    assert paper.data.startswith(b"%PDF")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_what_is_proposed_by_hand_reads_in_both_languages(hall: Hall, lang: str) -> None:
    hall.margin("50000")
    hall.propose()
    page = hall("approver").page(f"{hall.case}?lang={lang}")
    assert ("品牌保证金" if lang == "zh" else "brand margin") in page.text
    assert hall("approver").get(f"{hall.case}/decision.pdf?lang={lang}").data.startswith(b"%PDF")
    assert hall("principal").get(f"{hall.case}/decision.pdf").status_code == 404  # not before it is served
    assert hall("officer").page(f"/sanctions/new?lang={lang}")
    assert hall("officer").page(f"/sanctions?lang={lang}&state=all")


def test_what_is_lacking_stands_beside_its_field_and_nothing_typed_is_lost(hall: Hall) -> None:
    answer = hall("officer").send(
        "/sanctions/new", {"rule": "R033", "facts": "x", "m-0-kind": "fine", "m-0-amount": "?"}
    )
    assert answer.status_code == 422
    assert "<title>错误：" in answer.text
    assert "#m-0-amount" in answer.text
    assert "#unit" in answer.text
    unknown = hall("officer").send("/sanctions/new", {"rule": "R033", "facts": "写好的事实", "unit": "NOPE"})
    assert unknown.status_code == 422
    assert "写好的事实" in unknown.text
    hall.margin("50000")
    hall.propose()
    assert hall.act("principal", "statement").status_code == 422
    hall.at.forward(days=3)
    graver = hall.act("approver", "approve", opinion="milder", note="加重", **fine("9000"))
    assert graver.status_code == 422
    assert "只能改为更轻" in graver.text
    assert "加重" in graver.text
    assert hall.act("approver", "approve", opinion="reject").status_code == 422
    assert hall.act("approver", "approve").status_code == 422
    assert hall.act("officer", "withdraw").status_code == 422


@pytest.mark.parametrize(
    ("written", "read"),
    [("10", 10), ("１００%", 100), ("01000", None), ("0100", None), ("101", None), ("0", None), ("²", None)],
)
def test_a_share_is_one_to_a_hundred_per_cent(written: str, read: int | None) -> None:
    row = MeasureRow(0, "commission_withheld", share=written)
    sent = Sent(rows=[row])
    (measure,), _ = read_measures(sent)
    assert (measure.share, bool(sent.errors)) == (read, read is None)
    for share in (0, 101, 1000):
        graver = Measure(kind=MeasureKind.COMMISSION_WITHHELD, share=share)
        assert [(each.field, each.code) for each in faults([graver], Who.EMPLOYEE, NOW.date())] == [
            ("share", "out_of_range")
        ]


@pytest.mark.parametrize(
    ("written", "read"),
    [("1,234.5", 123_450), ("￥１２.３０", 1230), ("1e3", None), ("1e999999999", None), ("1_0", None)],
)
def test_an_amount_is_written_in_digits(written: str, read: int | None) -> None:
    sent = Sent(rows=[MeasureRow(0, "fine", amount=written)])
    (measure,), _ = read_measures(sent)
    assert (measure.amount, bool(sent.errors)) == (read, read is None)


def test_a_returned_case_is_proposed_again_and_a_rejected_one_ends(hall: Hall) -> None:
    hall.margin("50000")
    hall.propose()
    hall.at.forward(days=3)
    hall.done("approver", "approve", opinion="return", note="缺少照片。")
    assert "缺少照片" in hall("officer").page(hall.case).text
    hall.done("officer", "propose", facts="补上了。", documents=(io.BytesIO(PNG), "照片.png"))
    hall.at.forward(days=3)
    hall.done("approver", "approve", opinion="reject", note="证据不足。", sure="1")
    assert "不予处罚" in hall("principal").page(hall.case).text


def test_only_what_this_person_may_do_now_is_offered(hall: Hall) -> None:
    hall.margin("5000")
    hall.propose()

    def offered(who: str) -> set[str]:
        html = hall(who).page(hall.case).html
        acts = (
            "propose",
            "statement",
            "approve",
            "serve",
            "acknowledge",
            "appeal",
            "decide",
            "execute",
            "withdraw",
        )
        return {act for act in acts if f'action="{hall.case}/{act}"' in html}

    assert offered("officer") == {"withdraw"}
    assert offered("principal") == {"statement"}
    assert offered("executive") == set()
    hall.approved()
    assert offered("officer") == {"serve", "withdraw"}
    assert offered("principal") == set()
    hall.done("officer", "serve")
    assert offered("principal") == {"acknowledge", "appeal"}
    assert offered("finance") == {"execute"}
    assert hall.act("finance", "execute").status_code == 409
    hall.at.forward(days=7)
    assert offered("principal") == {"acknowledge"}
    hall.done("finance", "execute")
    assert "¥0.00" in hall("principal").page("/margin/D1").headings[0]


def test_standing_and_circulars(hall: Hall) -> None:
    hall.margin("5000")
    hall.propose(rule="falsehood")
    hall.approved()
    hall.done("officer", "serve")
    hall.at.forward(days=7)
    hall.done("finance", "execute")
    standing = hall("principal").page("/units/D1/standing")
    assert hall.number in standing.text
    assert hall("region").page("/units/D1/standing?lang=en")
    assert hall("region").get("/units/D3/standing").status_code == 404
    hall.propose(rule="R036", unit="R1", **{"m-0-kind": "circular"})
    hall.approved()
    hall.done("officer", "serve")
    hall.at.forward(days=7)
    hall.done("officer", "execute")
    assert hall.number in hall("store").page("/circulars").text
    assert hall.number in hall("store").page("/sanctions").text


def test_every_page_answers_every_role_that_may_open_it(hall: Hall) -> None:
    hall.margin("5000")
    hall.propose()
    places = {
        Permission.SANCTION_READ: [
            "/sanctions",
            "/sanctions?state=all",
            "/appeals",
            hall.case,
            "/sanctions/CF-1999-0001",
        ],
        Permission.STANDING_READ: ["/units/D1/standing", "/units/NOPE/standing"],
        Permission.NOTICE_READ: ["/circulars"],
        Permission.OBLIGATION_READ: [
            "/clock",
            "/clock?state=breached&kind=customer_file&of=mine",
            "/clock?lang=en",
        ],
        Permission.LEDGER_READ: ["/margin", "/margin/D1", "/margin/entries/1"],
        Permission.LEDGER_READ_PERSON: ["/commission", "/commission/statement.pdf"],
        Permission.SANCTION_PROPOSE: ["/sanctions/new"],
        Permission.LEDGER_POST: ["/posting"],
    }
    for need, addresses in places.items():
        may = roles_for(need)
        for role in Role:
            for address in addresses:
                status = hall(ONE_OF_EACH[role]).get(address).status_code
                assert status in ((200, 302, 404) if role in may else (403,)), (role, address, status)


def test_what_is_due_first_says_what_follows(hall: Hall) -> None:
    page = hall("clerk").page("/clock")
    assert "R047" in page.text
    assert "取消后续营销政策支持" in page.text
    hall.at("2026-11-06 00:00:00")
    late = hall("clerk").page("/clock?state=breached")
    assert "逾期" in late.text
    hall.margin("5000")
    hall.propose()
    clocks.sweep(hall.world.network, hall.at.forward(minutes=1))
    assert hall.number in hall("approver").page("/clock").text
