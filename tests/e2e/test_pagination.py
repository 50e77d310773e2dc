"""Lists: order, pages, cursors that neither repeat nor skip while others write, filters."""
from datetime import UTC, datetime, timedelta

import pytest

from harness import error_of

TASKS = "/api/v1/tasks"
COUNT = 23


def page_of(org, **parameters) -> dict:
    response = org.http.get(TASKS, params=parameters)
    assert response.status_code == 200, response.text
    body = response.json()
    assert list(body) == ["data", "pagination"]
    assert list(body["pagination"]) == ["total", "page", "per_page", "next_cursor"]
    return body


def ids(page: dict) -> list[str]:
    return [task["id"] for task in page["data"]]


@pytest.fixture(scope="module")
def many(server):
    """An organization with COUNT tasks; yields it and their ids, newest first."""
    org = server.create_account("Many")
    made = [org.create_task(title=f"task {n}")["id"] for n in range(COUNT)]
    yield org, made[::-1]
    org.close()


@pytest.mark.smoke
def test_an_empty_list(org):
    assert page_of(org) == {"data": [], "pagination": {"total": 0, "page": 1, "per_page": 20, "next_cursor": None}}


def test_newest_first_and_twenty_a_page(many):
    org, expected = many
    page = page_of(org)
    assert ids(page) == expected[:20]
    assert {k: v for k, v in page["pagination"].items() if k != "next_cursor"} == {
        "total": COUNT, "page": 1, "per_page": 20}
    assert page["pagination"]["next_cursor"].startswith("cur_")


@pytest.mark.parametrize("name", ["limit", "per_page"])
@pytest.mark.parametrize("size", [1, 7, COUNT - 1, COUNT, 100])
def test_cursors_walk_through_everything(many, name, size):
    org, expected = many
    seen, cursor = [], None
    while True:
        page = page_of(org, **{name: size}, **({"cursor": cursor} if cursor else {}))
        assert len(page["data"]) == min(size, COUNT - len(seen))
        assert page["pagination"]["total"] == COUNT
        assert page["pagination"]["per_page"] == size
        seen += ids(page)
        cursor = page["pagination"]["next_cursor"]
        if cursor is None:
            break
        assert len(seen) < COUNT, "a last page has no cursor"
    assert seen == expected


def test_pages_by_number(many):
    org, expected = many
    for number in (1, 2, 3, 4):
        page = page_of(org, page=number, per_page=7)
        assert ids(page) == expected[(number - 1) * 7 : number * 7]
        assert page["pagination"]["page"] == number
    beyond = page_of(org, page=100000, per_page=100)
    assert beyond["data"] == [] and beyond["pagination"]["next_cursor"] is None
    assert beyond["pagination"]["total"] == COUNT


def test_a_numbered_page_leads_on_by_cursor(many):
    org, expected = many
    second = page_of(org, page=2, per_page=5)
    assert ids(page_of(org, cursor=second["pagination"]["next_cursor"], per_page=5)) == expected[10:15]


def test_the_size_may_change_between_cursors(many):
    org, expected = many
    cursor = page_of(org, limit=3)["pagination"]["next_cursor"]
    assert ids(page_of(org, limit=9, cursor=cursor)) == expected[3:12]


def test_a_cursor_may_be_used_again(many):
    org, expected = many
    cursor = page_of(org, limit=4)["pagination"]["next_cursor"]
    assert page_of(org, limit=4, cursor=cursor) == page_of(org, limit=4, cursor=cursor)


@pytest.mark.smoke
def test_cursors_are_stable_under_writes(org):
    """While a reader walks, tasks are made and change status; what was there at the start appears exactly once."""
    old = [org.create_task()["id"] for _ in range(15)][::-1]
    seen, cursor = [], None
    while True:
        page = page_of(org, limit=4, **({"cursor": cursor} if cursor else {}))
        seen += ids(page)
        cursor = page["pagination"]["next_cursor"]
        if cursor is None:
            break
        org.create_task()
        org.http.post(f"{TASKS}/{seen[0]}/cancel")
        org.http.post(f"{TASKS}/{old[-1]}/cancel")
    assert seen == old


def test_status_filter(org):
    made = [org.create_task()["id"] for _ in range(6)]
    for id in made[::2]:
        assert org.http.post(f"{TASKS}/{id}/cancel").status_code == 200
    paid = org.open_task()["id"]
    assert ids(page_of(org, status="cancelled")) == made[::2][::-1]
    assert ids(page_of(org, status="funding")) == made[1::2][::-1]
    assert ids(page_of(org, status="open")) == [paid]
    assert ids(page_of(org, status="completed")) == ids(page_of(org, status="expired")) == []
    assert page_of(org, status="cancelled")["pagination"]["total"] == 3
    assert [t["id"] for t in org.all_tasks(status="cancelled", limit=1)] == made[::2][::-1]


def test_time_filters(many):
    org, expected = many
    now = datetime.now(UTC)
    past, future = ((now + timedelta(hours=h)).strftime("%Y-%m-%dT%H:%M:%SZ") for h in (-1, 1))
    assert page_of(org, created_after=past, created_before=future)["pagination"]["total"] == COUNT
    assert ids(page_of(org, created_after=past, limit=100)) == expected
    assert page_of(org, created_after=future)["data"] == []
    assert page_of(org, created_before=past)["data"] == []
    assert page_of(org, created_before=past)["pagination"]["total"] == 0
    offset = (now + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S+00:00")
    assert ids(page_of(org, created_before=offset, limit=100)) == expected


@pytest.mark.parametrize("cursor", ["cur_", "cur_x", "cur_01hx7r4s2", "cur_" + "0" * 40, "cur_!!!!", "", "1", "cur_" + "A" * 200])
def test_bad_cursors(many, cursor):
    org, _ = many
    fields = error_of(org.http.get(TASKS, params={"cursor": cursor}), 400, "validation_error")["fields"]
    assert [field["path"] for field in fields] == ["cursor"]


def test_a_cursor_that_was_tampered_with_shows_nothing_foreign(server, many, make_org):
    """A cursor is no credential: in the hands of another tenant it is bad, or a place in their own list."""
    org, expected = many
    stranger = make_org(server)
    own = stranger.create_task()["id"]
    cursor = page_of(org, limit=3)["pagination"]["next_cursor"]
    response = stranger.http.get(TASKS, params={"cursor": cursor})
    assert response.status_code in (200, 400)
    if response.status_code == 200:
        assert set(ids(response.json())) <= {own}
        assert response.json()["pagination"]["total"] == 1


def test_a_cursor_of_another_list_is_bad(many):
    org, _ = many
    org.create_key("read")
    cursor = org.http.get("/api/v1/api-keys", params={"limit": 1}).json()["pagination"]["next_cursor"]
    error_of(org.http.get(TASKS, params={"cursor": cursor}), 400, "validation_error")


def test_cursors_outlive_a_restart(fresh_server, make_org):
    server = fresh_server()
    org = make_org(server)
    made = [org.create_task()["id"] for _ in range(5)][::-1]
    cursor = page_of(org, limit=2)["pagination"]["next_cursor"]
    assert server.stop() == 0
    server.start()
    assert ids(page_of(org, limit=2, cursor=cursor)) == made[2:4]
