"""The local checkout page of --dev: what it shows, paying, not paying, paying twice, and titles that are HTML."""
import concurrent.futures
from html.parser import HTMLParser

import pytest

import chain
from harness import checkout_path, wait_for


class Page(HTMLParser):
    """What a browser would make of a page: its elements, its text, its form."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.form: dict[str, str | None] = {}
        self.choices: set[str | None] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append(tag)
        self.attributes += attributes
        given = dict(attributes)
        if tag == "form" and not self.form:
            self.form = given
        if given.get("name") == "action":
            self.choices.add(given.get("value"))

    def handle_data(self, data):
        self.text += data


def funded_events(server, id: str) -> int:
    journal = chain.check_journal(server.journal())
    return [event["type"] for event in chain.events_of(journal, id)].count("task.funded")


@pytest.mark.smoke
def test_the_page_shows_what_is_paid(server, org):
    task = org.create_task(title="Record a busy street scene", reward_cents=1234, target_submissions=100)
    with server.client() as browser:
        response = browser.get(checkout_path(task))
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    page = Page(response.text)
    assert "Record a busy street scene" in page.text
    assert "1,234.00" in page.text or "1234.00" in page.text
    assert page.form["method"].lower() == "post"
    assert page.choices >= {"pay", "cancel"}
    assert org.get_task(task["id"])["status"] == "funding", "looking is not paying"


@pytest.mark.smoke
def test_paying_opens_the_task(org):
    task = org.create_task()
    assert org.pay(task).status_code < 400
    read = wait_for(lambda: (t := org.get_task(task["id"]))["status"] == "open" and t, "the paid task is open")
    assert read == {**task, "status": "open", "funding_url": None, "funded_at": read["funded_at"]}
    assert read["funded_at"] >= task["created_at"]


def test_paying_twice_counts_once(server, org):
    task = org.create_task()
    org.pay(task)
    paid = wait_for(lambda: (t := org.get_task(task["id"]))["status"] == "open" and t, "the paid task is open")
    assert all(org.pay(task).status_code < 400 for _ in range(3)), "whoever asks again finds it done"
    assert org.get_task(task["id"]) == paid
    assert funded_events(server, task["id"]) == 1


def test_paying_at_once_counts_once(server, org):
    task = org.create_task()
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: org.pay(task), range(6)))
    assert all(answer.status_code < 400 for answer in answers)
    wait_for(lambda: org.get_task(task["id"])["status"] == "open", "the paid task is open")
    assert funded_events(server, task["id"]) == 1


def test_leaving_the_checkout_pays_nothing(server, org):
    task = org.create_task()
    with server.client() as browser:
        answer = browser.post(checkout_path(task), data={"action": "cancel"}, follow_redirects=True)
    assert answer.status_code < 500
    read = org.get_task(task["id"])
    assert read["status"] in ("funding", "cancelled")
    assert read["funded_at"] is None
    assert funded_events(server, task["id"]) == 0


def test_a_cancelled_task_cannot_be_paid(server, org):
    task = org.create_task()
    assert org.http.post(f"/api/v1/tasks/{task['id']}/cancel").status_code == 200
    assert org.pay(task).status_code == 409
    assert org.get_task(task["id"])["status"] == "cancelled"
    assert funded_events(server, task["id"]) == 0


def test_a_paid_task_that_is_cancelled_cannot_be_paid_again(server, org):
    created = org.create_task()
    org.pay(created)
    wait_for(lambda: org.get_task(created["id"])["status"] == "open", "the paid task is open")
    assert org.http.post(f"/api/v1/tasks/{created['id']}/cancel").json()["refunded_cents"] == created["budget_cents"]
    assert org.pay(created).status_code == 409
    assert org.get_task(created["id"])["status"] == "cancelled"
    assert funded_events(server, created["id"]) == 1


@pytest.mark.parametrize("title", [
    pytest.param("<script>alert(1)</script>", marks=pytest.mark.smoke), "</title><img src=x onerror=alert(1)>", '"><svg onload=alert(1)>', "' onclick='alert(1)",
    "&lt;b&gt; &amp;", "<!--", "{{7*7}}${7*7}", "</form><form action=//evil.example>",
])
def test_a_title_is_text_and_never_html(server, org, title):
    plain = org.create_task(title="plain")
    task = org.create_task(title=title)
    with server.client() as browser:
        expected = Page(browser.get(checkout_path(plain)).text)
        response = browser.get(checkout_path(task))
    page = Page(response.text)
    assert title in page.text
    assert page.elements == expected.elements, "the title made or swallowed an element"
    assert [name for name, _ in page.attributes] == [name for name, _ in expected.attributes]
    assert "script-src" in response.headers["Content-Security-Policy"] or (
        "default-src" in response.headers["Content-Security-Policy"])


@pytest.mark.parametrize("form", [{}, {"action": ""}, {"action": "steal"}, {"action": ["pay", "cancel"]}])
def test_other_actions_are_refused(server, org, form):
    task = org.create_task()
    with server.client() as browser:
        assert 400 <= browser.post(checkout_path(task), data=form).status_code < 500
    assert org.get_task(task["id"])["status"] == "funding"


def test_an_unknown_checkout(server, org):
    path = checkout_path(org.create_task())
    with server.client() as browser:
        for wrong in (path[:-1] + ("0" if path[-1] != "0" else "1"), "/dev/checkout/x", "/dev/checkout/"):
            assert browser.get(wrong).status_code == 404
            assert browser.post(wrong, data={"action": "pay"}).status_code == 404
