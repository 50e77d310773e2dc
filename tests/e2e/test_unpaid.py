"""Unpaid tasks: they end with their checkout, get a new one, and are so many at most; what one may write in a day."""
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import error_of, task_body, wait_for

MINUTE = {"payments": {"checkout_minutes": 1}}


def renew(org, task, key=None):
    headers = {"Idempotency-Key": key} if key else {}
    return org.http.post(f"/api/v1/tasks/{task['id']}/checkout", headers=headers)


@pytest.mark.smoke
def test_a_task_gets_a_new_checkout_and_is_paid_there(server, org):
    task = org.create_task()
    first = renew(org, task, "k1")
    assert first.status_code == 200, first.text
    assert list(first.json()) == ["id", "status", "funding_url", "budget_cents", "expires_at"]
    again = renew(org, task, "k1")
    assert again.content == first.content and again.headers["Idempotent-Replayed"] == "true"
    assert org.get_task(task["id"])["funding_url"] == first.json()["funding_url"]
    assert org.pay(first.json()).status_code == 200
    assert org.get_task(task["id"])["status"] == "open"
    assert error_of(renew(org, task), 409, "conflict") == {"status": "open"}
    assert server.cli("ledger", "check").returncode == 0


def test_a_checkout_is_only_the_owners_to_renew(server, org, make_org):
    task, other = org.create_task(), make_org(server)
    foreign = renew(other, task)
    nobody = renew(other, {"id": "tsk_" + "0" * 26})
    assert (foreign.status_code, foreign.content) == (nobody.status_code, nobody.content)
    assert foreign.status_code == 404
    reader = org.create_key("read")
    with server.client(reader["secret"]) as client:
        error_of(client.post(f"/api/v1/tasks/{task['id']}/checkout"), 403, "forbidden")


def test_what_was_cancelled_or_is_late_gets_none(server, org):
    task = org.create_task()
    assert org.http.post(f"/api/v1/tasks/{task['id']}/cancel").status_code == 200
    assert error_of(renew(org, task), 409, "conflict") == {"status": "cancelled"}


def test_an_unpaid_task_expires_with_its_checkout_and_comes_back_by_another(fresh_server, make_org):
    """The clock of the second start is two minutes later."""
    before = fresh_server(settings=MINUTE)
    org = make_org(before)
    task, cancelled = org.create_task(), org.create_task()
    assert org.http.post(f"/api/v1/tasks/{cancelled['id']}/cancel").status_code == 200
    assert before.stop() == 0
    before.clock_offset_s = 120
    before.start()
    wait_for(lambda: org.get_task(task["id"])["status"] == "expired", "the unpaid task expires", 60)
    assert org.get_task(cancelled["id"])["status"] == "cancelled"
    renewed = renew(org, task)
    assert renewed.status_code == 200, renewed.text
    assert org.get_task(task["id"])["status"] == "funding"
    assert org.get_task(task["id"])["closed_at"] is None
    assert org.pay(renewed.json()).status_code == 200
    assert org.get_task(task["id"])["status"] == "open"
    assert before.cli("ledger", "check").returncode == 0
    before.assert_rebuild_gives_same_digest()
    assert before.stop() == 0


def test_unpaid_tasks_have_a_bound_which_parallel_requests_do_not_pass(fresh_server, make_org):
    server = fresh_server(rate_limits=True, settings={"payments": {"max_unpaid_tasks": 5}})
    org = make_org(server)

    def create(number):
        with server.client(org.api_key) as client:
            return client.post("/api/v1/tasks", json=task_body(title=f"Task {number}"),
                               headers={"Idempotency-Key": f"k{number}"})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(create, range(24)))
    made = [answer for answer in answers if answer.status_code == 201]
    assert len(made) == 5
    for answer in answers:
        if answer not in made:
            assert error_of(answer, 409, "conflict") == {"reason": "too_many_unpaid_tasks"}
    # A retry of what was made is answered as it was, and a refused one may succeed later under its key.
    number = answers.index(made[0])
    assert create(number).content == made[0].content
    assert org.pay(made[0].json()).status_code == 200
    refused = next(n for n, answer in enumerate(answers) if answer.status_code == 409)
    assert create(refused).status_code == 201
    assert create(99).status_code == 409


def test_what_one_account_may_write_in_a_day_is_bounded(fresh_server, make_org):
    server = fresh_server(rate_limits=True, settings={
        "rate_limits": {"groundtruth": {"journal_bytes_per_day": 60_000, "key_per_minute": 1000}}})
    org, other = make_org(server), make_org(server)
    text = "x" * 9_000
    statuses = [org.http.post("/api/v1/tasks", json=task_body(instructions=text)).status_code for _ in range(12)]
    assert statuses[0] == 201 and statuses[-1] == 429 and statuses == sorted(statuses)
    refused = org.http.post("/api/v1/tasks", json=task_body(instructions=text))
    assert int(refused.headers["Retry-After"]) >= 60
    assert other.http.post("/api/v1/tasks", json=task_body()).status_code == 201
    assert org.http.get("/api/v1/tasks").status_code == 200  # reads go on
    shown = server.cli_json("account", "limits", org.id)
    assert shown["journal_bytes_per_day"] == 60_000 and 40_000 < shown["journal_bytes_used"] <= 60_000
    with server.ops() as ops:
        assert "groundtruth_journal_budget_refused_total" in ops.get("/metrics").text


def test_registrations_of_one_address_have_a_budget(fresh_server):
    server = fresh_server(rate_limits=True, settings={"rate_limits": {"worker": {
        "address_journal_bytes_per_day": 12_000, "address_per_minute": 1000}}})
    with server.client() as nobody:
        statuses = [nobody.post("/api/v1/worker/register", json={
            "name": "A", "email": f"a{number}@example.test", "password": "a long enough password"}).status_code
            for number in range(8)]
    assert statuses[0] == 201 and statuses[-1] == 429 and statuses == sorted(statuses)


def test_what_nobody_in_particular_is_refused_is_not_kept(fresh_server, make_worker):
    """A registration that is refused leaves nothing in the journal, whatever key it came under."""
    server = fresh_server()
    taken = make_worker(server)
    with server.client() as nobody:
        for number in range(20):
            answer = nobody.post("/api/v1/worker/register", headers={"Idempotency-Key": f"r{number}"},
                                 json={"name": "B", "email": taken.email, "password": "a long enough password"})
            assert answer.status_code < 500
    kinds = [event["type"] for partition in server.journal() for commit in partition.commits
             for event in json.loads(commit)["events"]]
    assert "command.rejected" not in kinds
