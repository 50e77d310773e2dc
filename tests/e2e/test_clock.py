"""A clock that was three days ahead and is put right: nothing is lost, and whoever is refused learns why."""
import datetime
import json

import pytest

import workers
from harness import error_of, task_body, wait_for

AHEAD_S = 3 * 86_400


def tomorrow() -> str:
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.smoke
def test_after_a_clock_was_ahead(fresh_server, make_org, make_worker, tmp_path):
    log = tmp_path / "app.log"
    server = fresh_server(start=False, settings={"log": {"file": str(log)}})
    server.clock_offset_s = AHEAD_S
    server.start()
    org, worker = make_org(server), make_worker(server)
    task = workers.text_task(org)
    made = worker.submit_text(task)
    assert workers.approve(org, made).status_code == 200
    workers.wait_for_earnings(worker, 500, 1)
    with server.ops() as ops:
        assert ops.get("/readyz").json()["chain_ahead_seconds"] == 0
    assert server.stop() == 0

    server.clock_offset_s = 0
    server.start()
    worker.login()
    assert worker.earned() == {"earned_cents": 500, "submissions": 1}
    earnings = worker.get("/earnings")
    assert {period["earned_cents"] for period in earnings["periods"].values()} == {500}
    assert sum(day["earned_cents"] for day in earnings["days"]) == 500

    with server.ops() as ops:
        ready = ops.get("/readyz")
        metrics = ops.get("/metrics").text
    assert ready.status_code == 200
    ahead = ready.json()["chain_ahead_seconds"]
    assert AHEAD_S - 600 < ahead <= AHEAD_S
    assert "ahead of this machine's clock" in ready.json()["warnings"][0]
    gauge = next(line for line in metrics.splitlines() if line.startswith("groundtruth_chain_ahead_seconds"))
    assert AHEAD_S - 600 < float(gauge.split()[1]) <= AHEAD_S
    wait_for(lambda: any("ahead of this machine's clock" in json.loads(line)["message"]
                         for line in log.read_text().splitlines()), "the log says so")
    assert server.cli("server", "status").returncode == 0

    # The same account's chain is ahead, so a deadline of tomorrow has passed there: the answer says by what time.
    refused = org.http.post("/api/v1/tasks", json=task_body(deadline=tomorrow()))
    field = error_of(refused, 400, "validation_error")["fields"][0]
    assert field["path"] == "deadline" and "the time of the service" in field["message"]
    later = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert org.http.post("/api/v1/tasks", json=task_body(deadline=later)).status_code == 201
    key = org.http.post("/api/v1/api-keys", json={"name": "k", "scopes": ["read"], "expires_at": tomorrow()})
    assert "the time of the service" in error_of(key, 400, "validation_error")["fields"][0]["message"]
