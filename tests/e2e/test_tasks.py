"""Creating, reading, listing and cancelling tasks: the happy path and its state machine."""
import concurrent.futures
import json
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest

from harness import SEED_BODY, error_of, task_body

SEED_KEYS = ["id", "status", "funding_url", "reward_cents", "target_submissions", "created_at"]
TIME = re.compile(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$")


@pytest.mark.smoke
def test_the_seeds_example_to_the_letter(client):
    before = datetime.now(UTC).replace(microsecond=0)
    response = client.post("/api/v1/tasks", json=SEED_BODY)
    after = datetime.now(UTC)
    assert response.status_code == 201
    assert response.headers["content-type"].split(";")[0] == "application/json"
    task = response.json()
    assert list(task)[:6] == SEED_KEYS
    assert re.fullmatch(r"tsk_[0-9a-hjkmnp-tv-z]{26}", task["id"])
    assert task["status"] == "funding"
    assert re.fullmatch(r"https?://\S+", task["funding_url"])
    assert (task["reward_cents"], task["target_submissions"]) == (250, 100)
    assert TIME.fullmatch(task["created_at"])
    assert before <= datetime.fromisoformat(task["created_at"]) <= after


def test_the_answer_holds_the_rest_of_the_task(client):
    task = client.post("/api/v1/tasks", json=SEED_BODY).json()
    rest = {name: value for name, value in task.items() if name not in SEED_KEYS}
    assert rest == {
        "title": SEED_BODY["title"],
        "instructions": SEED_BODY["instructions"],
        "modalities": ["video"],
        "budget_cents": 25000,
        "deadline": None,
        "metadata": {},
        "approved_submissions": 0,
        "funded_at": None,
        "closed_at": None,
    }


@pytest.mark.smoke
def test_reading_gives_what_creating_gave(org):
    made = org.create_task(metadata={"batch": 7, "nested": {"list": [1, 2.5, None, True, "x"]}},
                           modalities=["text", "audio", "image", "video"])
    assert org.get_task(made["id"]) == made
    assert made["metadata"] == {"batch": 7, "nested": {"list": [1, 2.5, None, True, "x"]}}
    assert made["modalities"] == ["text", "audio", "image", "video"]
    assert org.all_tasks() == [made]


def test_whoever_reads_after_an_answer_finds_what_it_said(server, org):
    # The answer to a new task does not wait for the read models; every read that comes after it does.
    def write_and_read(number):
        with server.client(org.api_key) as writer, server.client(org.api_key) as reader:
            for turn in range(30):
                made = writer.post("/api/v1/tasks", json=task_body(title=f"{number}-{turn}")).json()
                read = reader.get(f"/api/v1/tasks/{made['id']}")
                assert read.status_code == 200 and read.json() == made
                newest = reader.get("/api/v1/tasks", params={"per_page": 100}).json()["data"]
                assert made in newest
                assert reader.get("/dev/checkout/" + made["id"]).status_code == 200
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(write_and_read, number) for number in range(6)]:
            done.result()


@pytest.mark.parametrize("text", ["é", "日本語", "🎥 street", "\u202eright to left", "tab\tand\nline", '"\\/quoted"', " "])
def test_text_comes_back_as_it_was_given(org, text):
    made = org.create_task(title=text, instructions=text, metadata={text: text})
    read = org.get_task(made["id"])
    assert (read["title"], read["instructions"], read["metadata"]) == (text, text, {text: text})


def test_deadline_comes_back_in_utc_seconds(org):
    deadline = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    wire = deadline.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert org.create_task(deadline=wire)["deadline"] == wire
    shifted = deadline.astimezone(tz=timezone(timedelta(hours=5, minutes=30))).isoformat()
    assert org.create_task(deadline=shifted)["deadline"] == wire
    assert org.create_task(deadline=None)["deadline"] is None


@pytest.mark.parametrize(
    ("reward_cents", "target_submissions", "accepted"),
    [(1, 2500, True), (2500, 1, True), (1, 2499, False), (2499, 1, False), (10, 100, False), (1_000_000, 100_000, True)],
)
def test_minimum_budget(client, reward_cents, target_submissions, accepted):
    response = client.post("/api/v1/tasks",
                           json=task_body(reward_cents=reward_cents, target_submissions=target_submissions))
    budget = reward_cents * target_submissions
    if accepted:
        assert response.status_code == 201, response.text
        assert response.json()["budget_cents"] == budget
    else:
        details = error_of(response, 400, "insufficient_budget")
        assert details == {"budget_cents": budget, "required_cents": 2500}
        assert list(details) == ["budget_cents", "required_cents"]


def test_a_rejected_task_does_not_exist(org):
    org.http.post("/api/v1/tasks", json=task_body(reward_cents=1, target_submissions=1))
    org.http.post("/api/v1/tasks", json=task_body(title=""))
    assert org.all_tasks() == []


@pytest.mark.parametrize("body", [pytest.param(None, marks=pytest.mark.smoke), b"{}", b" {} "])
def test_cancelling_an_unpaid_task(org, body):
    task = org.create_task()
    headers = {} if body is None else {"Content-Type": "application/json"}
    response = org.http.post(f"/api/v1/tasks/{task['id']}/cancel", content=body, headers=headers)
    assert response.status_code == 200, response.text
    answer = response.json()
    assert list(answer) == ["id", "status", "refunded_cents", "cancelled_at"]
    assert (answer["id"], answer["status"], answer["refunded_cents"]) == (task["id"], "cancelled", 0)
    assert TIME.fullmatch(answer["cancelled_at"])
    assert org.get_task(task["id"]) == {
        **task, "status": "cancelled", "funding_url": None, "closed_at": answer["cancelled_at"],
    }


def test_cancelling_an_open_task_refunds_its_budget(org):
    task = org.open_task(reward_cents=300, target_submissions=20)
    answer = org.http.post(f"/api/v1/tasks/{task['id']}/cancel").json()
    assert answer["refunded_cents"] == 6000
    read = org.get_task(task["id"])
    assert read["status"] == "cancelled"
    assert read["funded_at"] == task["funded_at"]
    assert read["closed_at"] == answer["cancelled_at"]


def test_cancelling_twice_is_a_conflict(org):
    task = org.create_task()
    assert org.http.post(f"/api/v1/tasks/{task['id']}/cancel").status_code == 200
    first = org.get_task(task["id"])
    error_of(org.http.post(f"/api/v1/tasks/{task['id']}/cancel"), 409, "conflict")
    assert org.get_task(task["id"]) == first


def test_cancel_body_must_be_empty(org):
    task = org.create_task()
    for body, path in (({"reason": "x"}, "reason"), ({"status": "cancelled"}, "status")):
        response = org.http.post(f"/api/v1/tasks/{task['id']}/cancel", json=body)
        fields = error_of(response, 400, "validation_error")["fields"]
        assert [(field["path"], field["code"]) for field in fields] == [(path, "unknown_field")]
    assert org.get_task(task["id"])["status"] == "funding"


@pytest.mark.parametrize("id", [
    "tsk_00000000000000000000000000", "tsk_01hx4nvzgw5q9k3m", "tsk_", "x", "TSK_00000000000000000000000000",
    "key_00000000000000000000000000", "tsk_uuuuuuuuuuuuuuuuuuuuuuuuuu", "%E2%82%AC", "tsk_" + "0" * 2000, "..%2f", "%20",
])
def test_an_id_that_is_no_task_is_not_found(client, id):
    for response in (client.get(f"/api/v1/tasks/{id}"), client.post(f"/api/v1/tasks/{id}/cancel")):
        error_of(response, 404, "not_found")


@pytest.mark.parametrize("path", ["/", "/api", "/api/v1", "/api/v1/nothing", "/api/v1/tasks/x/y/z", "/api/v1//tasks"])
def test_unknown_paths(client, path):
    error_of(client.get(path), 404, "not_found")


def test_outcome_of_a_command(server, org, make_org):
    """The journal names the command that made a task; asking for it by id gives its outcome and place."""
    response = org.http.post("/api/v1/tasks", json=SEED_BODY)
    position = response.headers["Journal-Position"]
    topic, partition, seq = position.split(".")
    commit = json.loads(server.cat(topic, int(partition))[int(seq)])
    command = commit["command"]["id"]
    answer = org.http.get(f"/api/v1/commands/{command}")
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"id": command, "status": "accepted", "journal_position": position, "error": None}
    foreign = make_org(server).http.get(f"/api/v1/commands/{command}")
    unknown = org.http.get("/api/v1/commands/cmd_00000000000000000000000000")
    error_of(foreign, 404, "not_found")
    assert foreign.content == unknown.content


def test_outcome_of_a_rejected_command(server, org):
    """A refusal under an idempotency key is a commit, so its command has an outcome too."""
    task = org.create_task()
    cancel = f"/api/v1/tasks/{task['id']}/cancel"
    assert org.http.post(cancel).status_code == 200
    refused = org.http.post(cancel, headers={"Idempotency-Key": "again"})
    error_of(refused, 409, "conflict")
    topic, partition, _ = org.http.post("/api/v1/tasks", json=SEED_BODY).headers["Journal-Position"].split(".")
    commits = [json.loads(value) for value in server.cat(topic, int(partition))]
    rejections = [commit for commit in commits
                  if any(event["type"] == "command.rejected" for event in commit["events"])
                  and commit["actor"].get("account") == org.id]
    assert len(rejections) == 1
    outcome = org.http.get(f"/api/v1/commands/{rejections[0]['command']['id']}").json()
    assert outcome["status"] == "rejected"
    assert outcome["error"] == refused.json()["error"]
