"""Deadlines: a task ends by itself, gives its money back, and is not forgotten by a server that was away."""
import datetime

import pytest

import chain
from harness import wait_for


def in_seconds(seconds: float) -> str:
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def expired(org, task: dict) -> dict:
    return wait_for(lambda: (t := org.get_task(task["id"]))["status"] == "expired" and t, "the task expires")


@pytest.mark.smoke
def test_a_task_expires_at_its_deadline(org):
    task = org.create_task(deadline=in_seconds(4))
    ended = expired(org, task)
    assert ended["closed_at"] >= task["deadline"]
    assert ended["funding_url"] is None
    answer = org.http.post(f"/api/v1/tasks/{task['id']}/cancel")
    assert answer.status_code == 409
    assert "expired" in answer.json()["error"]["message"]


def test_an_open_task_gives_its_money_back(server, org):
    task = org.open_task(deadline=in_seconds(8))
    ended = expired(org, task)
    assert ended["funded_at"] is not None
    journal = chain.check_journal(server.journal())
    events = chain.events_of(journal, task["id"])
    assert [event["type"] for event in events] == ["task.created", "task.funded", "task.expired"]
    assert events[-1]["data"]["refunded_cents"] == task["budget_cents"]


def test_a_payment_that_comes_too_late_is_not_taken(org):
    task = org.create_task(deadline=in_seconds(4))
    expired(org, task)
    assert org.pay(task).status_code < 500
    assert org.get_task(task["id"])["status"] == "expired"


def test_what_came_due_while_the_server_was_away_ends_at_the_next_start(fresh_server, make_org):
    server = fresh_server()
    org = make_org(server)
    tasks = [org.create_task(deadline=in_seconds(5 + n / 10)) for n in range(5)]
    later = org.create_task(deadline=in_seconds(3600))
    assert server.stop() == 0
    last = datetime.datetime.fromisoformat(tasks[-1]["deadline"].replace("Z", "+00:00"))
    wait_for(lambda: datetime.datetime.now(datetime.timezone.utc) > last + datetime.timedelta(seconds=1),
             "all deadlines pass")
    server.start()
    for task in tasks:
        expired(org, task)
    assert org.get_task(later["id"])["status"] == "funding"
    order = [event["data"]["task"] for commits in chain.check_journal(server.journal()).values() for commit in commits
             for event in commit["events"] if event["type"] == "task.expired"]
    assert order == [task["id"] for task in tasks], "the longest overdue first"
