"""How many tasks a worker may hold at a time, and what tasks that came to nothing cost."""
from __future__ import annotations

import concurrent.futures

import pytest

from workers import error_of

BASE = "/api/v1/worker"


@pytest.fixture
def place(fresh_server, make_org, make_worker):
    """A server where a beginner holds two tasks at a time and waits from the second fruitless one on."""
    server = fresh_server(settings={"workers": {"max_leases": 2, "free_lease_ends": 1, "lease_wait_seconds": 3600,
                                                "max_lease_wait_seconds": 7200}})
    return server, make_org(server), make_worker(server)


def tasks_of(org, count):
    return [org.open_task(title=f"task {n}", modalities=["text"]) for n in range(count)]


def test_so_many_at_a_time(place):
    _, org, worker = place
    first, second, third = tasks_of(org, 3)
    key = {"Idempotency-Key": "the first"}
    taken = worker.http.post(f"{BASE}/tasks/{first['id']}/accept", headers=key)
    assert taken.status_code == 200
    worker.accept(second)
    refused = worker.post(third, "accept")
    error = error_of(refused, 409, "conflict")
    assert (error["reason"], error["held"], error["max_held"]) == ("too_many_leases", 2, 2)
    assert 0 < error["retry_after_seconds"] <= 1800
    said = refused.json()["error"]
    assert "2 tasks" in said and "minutes" in said
    # A retry gets the first answer again, also at the bound; accepting one's own task again is no second lease.
    again = worker.http.post(f"{BASE}/tasks/{first['id']}/accept", headers=key)
    assert again.status_code == 200 and again.content == taken.content
    assert error_of(worker.post(first, "accept"), 409, "conflict")["reason"] == "already_accepted"
    # Work that is handed in makes room, and the same request is taken then.
    assert worker.post(second, "proof", {"text": "done"}).status_code == 201
    worker.accept(third)


def test_many_requests_at_once_take_no_more(place):
    server, org, worker = place
    tasks = tasks_of(org, 12)

    def accept(task):
        with server.client(worker.token) as client:
            return client.post(f"{BASE}/tasks/{task['id']}/accept")

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(accept, tasks))
    assert sum(answer.status_code == 200 for answer in answers) <= 2
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert sum(worker.post(task, "release").status_code == 200 for task in tasks) <= 2


def test_tasks_that_come_to_nothing(place):
    _, org, worker = place
    first, second, third = tasks_of(org, 3)
    worker.accept(first)
    assert worker.post(first, "release").status_code == 200
    worker.accept(first)  # the first one is free
    assert worker.post(first, "release").status_code == 200
    refused = worker.http.post(f"{BASE}/tasks/{second['id']}/accept", headers={"Idempotency-Key": "later"})
    error = error_of(refused, 429, "rate_limited")
    assert error["reason"] == "must_wait"
    assert 3500 < error["retry_after_seconds"] <= 3600
    assert refused.headers["Retry-After"] == str(error["retry_after_seconds"])
    assert "60 minutes" in refused.json()["error"]


def test_work_ends_the_row(place):
    _, org, worker = place
    first, second, third = tasks_of(org, 3)
    worker.accept(first)
    assert worker.post(first, "release").status_code == 200
    worker.accept(second)
    assert worker.post(second, "proof", {"text": "done"}).status_code == 201
    worker.accept(third)
    assert worker.post(third, "release").status_code == 200
    worker.accept(third)  # once in a row, so it is free
