"""GET /me and /units, and what stands before every answer."""

from portal.core.schema import head


def test_me_says_who_i_am_here(world, api_as):
    me = api_as(world.actors["clerk"]).get("/me").json
    assert me["user"] == {"email": "clerk@qy.example", "phone": me["user"]["phone"], "name": "clerk.qy"}
    assert me["network"] == {"code": "qy", "name": "青榆地板", "time_zone": "Asia/Shanghai"}
    assert me["unit"] == {"code": "D1", "name": "杭州恒居建材有限公司", "kind": "dealer"}
    assert me["role"] == "dealer_clerk"
    assert "customer_file:submit" in me["capabilities"]


def test_without_a_token_the_answer_is_401_in_problem_json(world, api_as):
    answer = api_as(None).get("/me")
    assert answer.status_code == 401
    assert answer.mimetype == "application/problem+json"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.json["code"] == "unauthorized"


def test_a_wrong_token_is_no_token(world, app):
    answer = app.test_client().get("/api/v1/me", headers={"Authorization": "Bearer pt_wrong"})
    assert answer.status_code == 401


def test_a_dealer_sees_its_own_units_and_no_others(world, api_as):
    found = api_as(world.actors["clerk"]).get("/units").json
    assert [unit["code"] for unit in found["items"]] == ["D1", "S1", "S2"]
    assert found["items"][0] == {
        "code": "D1",
        "name": "杭州恒居建材有限公司",
        "kind": "dealer",
        "parent": "R1",
        "city": "",
        "status": "active",
    }


def test_lists_go_on_by_cursor(world, api_as):
    api = api_as(world.actors["supervisor"])
    seen, cursor = [], None
    for _ in range(20):
        page = api.get("/units", query_string={"limit": 3} | ({"cursor": cursor} if cursor else {})).json
        seen += [unit["code"] for unit in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 12


def test_a_cursor_that_we_did_not_give_is_422(world, api_as):
    answer = api_as(world.actors["clerk"]).get("/units?cursor=abc")
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == "/cursor"


def test_the_database_is_at_the_newest_revision(app):
    assert head() is not None
