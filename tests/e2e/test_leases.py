"""Places of a task: taking one, giving it back, and a thousand who want a hundred while the server dies twice.

A lease that runs out is not waited for here, since the shortest is a minute: unit tests pass that time by another clock.
"""
import concurrent.futures
import datetime
import json
import os
import random
import re
import threading

import httpx
import pytest

import chain
import workers
from harness import plain_client
from workers import BASE, Worker, error_of, text_task, wrong_fields

NO_TASK = "tsk_" + "0" * 26


@pytest.mark.smoke
def test_what_accepting_answers(org, worker):
    task = text_task(org)
    before = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    response = worker.post(task, "accept")
    after = datetime.datetime.now(datetime.UTC)
    assert response.status_code == 200, response.text
    assert re.fullmatch(r"tasks\.\d+\.\d+", response.headers["Journal-Position"])
    lease = response.json()
    assert list(lease) == ["task_id", "status", "reward_cents", "accepted_at", "expires_at"]
    assert (lease["task_id"], lease["status"], lease["reward_cents"]) == (task["id"], "accepted", 500)
    accepted, expires = (datetime.datetime.fromisoformat(lease[name]) for name in ("accepted_at", "expires_at"))
    assert before <= accepted <= after
    assert expires - accepted == datetime.timedelta(minutes=30)
    assert not any(offer["id"] == task["id"] for offer in worker.feed())


def test_the_lease_is_as_long_as_configured(fresh_server, make_org, make_worker):
    server = fresh_server(settings={"workers": {"lease_minutes": 7}})
    lease = make_worker(server).accept(text_task(make_org(server)))
    accepted, expires = (datetime.datetime.fromisoformat(lease[name]) for name in ("accepted_at", "expires_at"))
    assert expires - accepted == datetime.timedelta(minutes=7)


@pytest.mark.smoke
def test_accepting_twice_is_a_conflict(org, worker):
    task = text_task(org)
    worker.accept(task)
    assert error_of(worker.post(task, "accept"), 409, "conflict")["reason"] == "already_accepted"
    worker.prove(task, text="Done.")
    error_of(worker.post(task, "accept"), 409, "conflict")


def test_a_full_task_is_a_conflict_until_a_place_is_given_back(server, org, worker, make_worker):
    other = make_worker(server)
    task = text_task(org, reward_cents=2500, target_submissions=1)
    other.accept(task)
    assert error_of(worker.post(task, "accept"), 409, "conflict")["reason"] == "task_full"
    released = other.post(task, "release")
    assert released.status_code == 200, released.text
    answer = released.json()
    assert list(answer) == ["task_id", "status", "released_at"]
    assert (answer["task_id"], answer["status"]) == (task["id"], "released")
    worker.accept(task)
    error_of(other.post(task, "accept"), 409, "conflict")


def test_releasing_what_one_has_not(server, org, worker, make_worker):
    task = text_task(org)
    make_worker(server).accept(task)
    error_of(worker.post(task, "release"), 409, "conflict")
    worker.accept(task)
    assert worker.post(task, "release").status_code == 200
    error_of(worker.post(task, "release"), 409, "conflict")
    worker.accept(task)
    worker.prove(task, text="Done.")
    error_of(worker.post(task, "release"), 409, "conflict")


def test_after_giving_back_nothing_can_be_brought(org, worker):
    task = text_task(org, modalities=["audio", "text"])
    worker.accept(task)
    upload = worker.upload(task, workers.wav(), "audio/wav")
    worker.post(task, "release")
    error_of(worker.post(task, "proof", {"text": "Late."}), 409, "conflict")
    error_of(worker.post(task, "proof", {"uploads": [upload]}), 409, "conflict")
    error_of(worker.post(task, "uploads", workers.announcement(workers.png(), "audio/wav")), 409, "conflict")


def test_skills_that_are_missing(org, worker):
    task = text_task(org, requirements={"skills": ["a skill that nobody has"]})
    error_of(worker.post(task, "accept"), 403, "forbidden")
    assert worker.http.put(f"{BASE}/profile", json={"skills": ["A Skill That Nobody Has"]}).status_code == 200
    worker.accept(task)


@pytest.mark.parametrize("action", ["accept", "release", "uploads", "proof"])
@pytest.mark.parametrize("id", [NO_TASK, "tsk_", "x", "org_" + "0" * 26, "%2e%2e", "..%2f..%2fprofile", "tsk_" + "0" * 2000,
                                "TSK_" + "0" * 26, "%20", "asg_" + "0" * 26, "tsk_" + "u" * 26])
def test_a_task_that_does_not_exist(worker, action, id):
    body = {"accept": None, "release": None, "uploads": workers.announcement(b"x", "audio/wav"),
            "proof": {"text": "x"}}[action]
    error_of(worker.post(id, action, body), 404, "not_found")


def test_an_unpaid_task_is_not_there(org, worker):
    unpaid = org.create_task(modalities=["text"])
    nothing = worker.post(NO_TASK, "accept")
    for action, body in (("accept", None), ("release", None), ("proof", {"text": "x"}),
                         ("uploads", workers.announcement(b"x", "text/plain"))):
        answer = worker.post(unpaid, action, body)
        error_of(answer, 404, "not_found")
        assert answer.content == nothing.content
    assert org.http.post(f"/api/v1/tasks/{unpaid['id']}/cancel").status_code == 200
    error_of(worker.post(unpaid, "accept"), 404, "not_found")


def test_a_closed_task_takes_nobody(server, org, worker, make_worker):
    cancelled = text_task(org)
    org.http.post(f"/api/v1/tasks/{cancelled['id']}/cancel")
    error_of(worker.post(cancelled, "accept"), 409, "conflict")
    done = text_task(org, reward_cents=2500, target_submissions=1)
    workers.approve(org, make_worker(server).submit_text(done))
    error_of(worker.post(done, "accept"), 409, "conflict")


def test_a_task_is_cancelled_under_a_worker(org, worker):
    task = text_task(org)
    worker.accept(task)
    refund = org.http.post(f"/api/v1/tasks/{task['id']}/cancel").json()["refunded_cents"]
    assert refund in (2500, 2000), "all, or all but the place that is taken"
    proof = worker.post(task, "proof", {"text": "I did it."})
    if refund == 2500:
        error_of(proof, 409, "conflict")
    else:
        assert proof.status_code == 201, "the reward was kept back for this"
    assert worker.post(task, "release").status_code in (200, 409)


@pytest.mark.parametrize(("action", "body", "fields"), [
    ("accept", {"x": 1}, [("x", "unknown_field")]), ("release", {"why": ""}, [("why", "unknown_field")]),
])
def test_bodies_must_be_empty(org, worker, action, body, fields):
    task = text_task(org)
    assert wrong_fields(worker.post(task, action, body)) == fields
    assert worker.post(task, "accept", {}).status_code == 200, "and nothing had happened"


# Retries


def test_accepting_is_idempotent(org, worker):
    task = text_task(org)
    first = worker.post(task, "accept", key="one")
    again = worker.post(task, "accept", key="one")
    assert first.status_code == 200
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["Idempotent-Replayed"] == "true" and "Idempotent-Replayed" not in first.headers
    error_of(worker.post(task, "accept", {}, key="one"), 409, "idempotency_key_reused")
    error_of(worker.post(task, "accept", key="two"), 409, "conflict")
    refused = worker.post(task, "accept", key="two")
    assert refused.headers["Idempotent-Replayed"] == "true"
    worker.post(task, "release", key="one")
    assert worker.post(task, "release", key="one").headers["Idempotent-Replayed"] == "true"
    assert worker.post(task, "accept", key="one").content == first.content, "the first answer stays"
    assert worker.post(task, "accept", key="two").status_code == 409, "as the refusal does"
    assert worker.post(task, "accept", key="three").status_code == 200


def test_a_key_belongs_to_the_worker(server, org, worker, make_worker):
    task = text_task(org)
    other = make_worker(server)
    assert worker.post(task, "accept", key="one").status_code == 200
    theirs = other.post(task, "accept", key="one")
    assert theirs.status_code == 200 and "Idempotent-Replayed" not in theirs.headers


def test_a_retry_is_answered_whatever_the_profile_says_now(org, make_worker, server):
    worker = make_worker(server, skills=["piano"])
    task = text_task(org, requirements={"skills": ["piano"]})
    first = worker.post(task, "accept", key="one")
    assert first.status_code == 200
    worker.http.put(f"{BASE}/profile", json={"skills": []})
    again = worker.post(task, "accept", key="one")
    assert (again.status_code, again.content) == (200, first.content)


def test_one_worker_at_once(server, org, worker):
    """However many requests of one worker come at once, they take one place."""
    task = text_task(org)

    def accept(number: int) -> httpx.Response:
        with server.client(worker.token) as client:
            return client.post(f"{BASE}/tasks/{task['id']}/accept", headers={"Idempotency-Key": f"{number}"})

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(accept, range(16)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 15


def test_one_key_at_once(server, org, worker):
    """The same request eight times at the same moment, for every step: one effect, and eight times its answer."""
    task = text_task(org)
    person = workers.registration()

    def at_once(path: str, body: dict | None, status: int) -> httpx.Response:
        def send(_) -> httpx.Response:
            with server.client(worker.token) as client:
                return client.post(path, json=body, headers={"Idempotency-Key": "one"})

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(send, range(8)))
        assert {answer.status_code for answer in answers} == {status}, answers[0].text
        assert len({answer.content for answer in answers}) == 1
        assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) >= 1
        return answers[0]

    id = at_once(f"{BASE}/register", person, 201).json()["worker"]["id"]
    workers.mail_of(server, id)
    at_once(f"{BASE}/tasks/{task['id']}/accept", None, 200)
    at_once(f"{BASE}/tasks/{task['id']}/uploads", workers.announcement(b"What I saw.", "text/plain"), 201)
    at_once(f"{BASE}/tasks/{task['id']}/proof", {"text": "What I saw."}, 201)
    assert len(workers.submissions(org, task, status="pending")) == 1


# The race


WORKERS, PLACES, TRIES = 120, 100, 1000
RACE_THREADS = 24


class Race:
    """A thousand requests to accept one task, each sent until it is answered, over whatever happens to the server."""

    def __init__(self, server, task: dict, people: list[Worker], generator: random.Random):
        tries = [(person, f"try {n}") for n in range(-(-TRIES // len(people))) for person in people][:TRIES]
        generator.shuffle(tries)
        self._tries = iter(tries)
        self._server, self._path = server, f"{BASE}/tasks/{task['id']}/accept"
        self._lock = threading.Condition()
        self.answers: list[tuple[Worker, str, httpx.Response]] = []
        self.unknown = 0  # requests whose answer was lost, and which were sent again
        self._over = False

    def _next(self):
        with self._lock:
            return next(self._tries, None)

    def run(self) -> None:
        with plain_client() as client:
            while (one := self._next()) is not None and not self._over:
                self._send(client, *one)

    def _send(self, client: httpx.Client, person: Worker, key: str) -> None:
        headers = {"Authorization": f"Bearer {person.token}", "Idempotency-Key": key}
        while not self._over:
            try:
                answer = client.post(self._server.base_url + self._path, headers=headers)
            except httpx.TransportError:
                with self._lock:
                    self.unknown += 1
                    self._lock.wait(0.05)  # the server is away; trying again is all that a client can do
                continue
            if answer.status_code == 503:
                continue
            with self._lock:
                self.answers.append((person, key, answer))
                self._lock.notify_all()
            return

    def wait_for_answers(self, count: int) -> None:
        with self._lock:
            assert self._lock.wait_for(lambda: len(self.answers) >= count, 120), "no progress"

    def end(self) -> None:
        self._over = True


@pytest.mark.slow
def test_a_thousand_clients_for_a_hundred_places(fresh_server, make_org):
    seed = int(os.environ.get("GROUNDTRUTH_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
    print(f"GROUNDTRUTH_SEED={seed}")
    generator = random.Random(seed)
    server = fresh_server()
    org = make_org(server)
    people = workers.make_workers(server, WORKERS)
    task = text_task(org, reward_cents=100, target_submissions=PLACES)
    race = Race(server, task, people, generator)
    with concurrent.futures.ThreadPoolExecutor(RACE_THREADS) as pool:
        try:
            running = [pool.submit(race.run) for _ in range(RACE_THREADS)]
            for count in (generator.randrange(10, 90), generator.randrange(110, 600)):
                race.wait_for_answers(count)
                server.kill()
                server.start()
            for one in running:
                one.result(300)
        finally:
            race.end()
    assert len(race.answers) == TRIES
    won = {person.id for person, _, answer in race.answers if answer.status_code == 200}
    assert len(won) == PLACES, "exactly the places that there are"
    for person, key, answer in race.answers:
        if answer.status_code == 200:
            assert answer.json()["task_id"] == task["id"]
            assert sum(one is person and other.status_code == 200 for one, _, other in race.answers) == 1
        else:
            details = error_of(answer, 409, "conflict")
            assert details["reason"] == ("already_accepted" if person.id in won else "task_full"), (person.id, key, details)
    for person, key, answer in generator.sample(race.answers, 50):
        again = person.post(task, "accept", key=key)
        assert (again.status_code, again.content) == (answer.status_code, answer.content)
        assert again.headers["Idempotent-Replayed"] == "true"
    journal = chain.check_journal(server.journal())
    granted = [event["data"]["worker"] for commits in journal.values() for commit in commits
               for event in commit["events"] if event["type"] == "lease.granted"]
    assert sorted(granted) == sorted(won)

    # Nobody lost their place: each of the hundred can hand something in, and nobody else.
    def hand_in(person: Worker) -> int:
        return person.post(task, "proof", {"text": f"By {person.id}."}).status_code

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        codes = dict(zip((person.id for person in people), pool.map(hand_in, people), strict=True))
    assert codes == {person.id: 201 if person.id in won else 409 for person in people}
    pending = workers.submissions(org, task, status="pending")
    assert {submission["worker_id"] for submission in pending} == won and len(pending) == PLACES
    assert server.cli_json("ledger", "check")["sound"]
    for person in people:
        person.close()


def test_last_place(server, org, make_worker):
    """Two who want the last place at the same moment, over and over: one gets it, one is told why not."""
    one, two = make_worker(server), make_worker(server)
    for _ in range(10):
        task = text_task(org, reward_cents=2500, target_submissions=1)
        gate = threading.Barrier(2)

        def accept(person: Worker, task=task, gate=gate) -> httpx.Response:
            gate.wait(30)
            return person.post(task, "accept")

        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(accept, (one, two)))
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        loser = next(answer for answer in answers if answer.status_code == 409)
        assert error_of(loser, 409, "conflict")["reason"] == "task_full"
        winner = (one, two)[0 if answers[0].status_code == 200 else 1]
        assert winner.post(task, "proof", {"text": "done"}).status_code == 201


def test_what_was_answered_holds_at_once(org, worker):
    """Answers go out before the read models have what they say: whoever had one meets no older state."""
    for number in range(10):
        task = text_task(org)
        worker.accept(task)
        assert task["id"] not in worker.feed_ids()
        first, again = (worker.post(task, "proof", {"text": "What I saw."}, key=str(number)) for _ in range(2))
        assert (first.status_code, again.status_code) == (201, 201), again.text
        assert again.content == first.content and again.headers["Idempotent-Replayed"] == "true"
        other = worker.post(task, "proof", {"text": "Something else."})
        assert error_of(other, 409, "conflict")["reason"] == "already_submitted"
        assert workers.approve(org, first.json()["submission"]).status_code == 200


def test_the_outcome_of_a_command_is_the_workers_own_to_learn(server, org, worker, make_worker):
    task = text_task(org)
    done = worker.post(task, "accept", key="one")
    refused = worker.post(task, "accept", key="two")
    error_of(refused, 409, "conflict")
    topic, partition, _ = done.headers["Journal-Position"].split(".")
    outcomes = [json.loads(value) for value in server.cat(topic, int(partition))]
    commands = [commit["command"]["id"] for commit in outcomes if commit["actor"].get("account") == worker.id]
    assert len(commands) == 2
    asked = [worker.http.get(f"{BASE}/commands/{id}") for id in commands]
    assert [answer.status_code for answer in asked] == [200, 200]
    assert asked[0].json() == {"id": commands[0], "status": "accepted",
                               "journal_position": done.headers["Journal-Position"], "error": None}
    assert (asked[1].json()["status"], asked[1].json()["error"]) == ("rejected", refused.json())
    profile = worker.http.put(f"{BASE}/profile", json={"skills": ["piano"]})
    topic, partition, seq = profile.headers["Journal-Position"].split(".")
    own = json.loads(server.cat(topic, int(partition))[int(seq)])["command"]["id"]
    assert worker.http.get(f"{BASE}/commands/{own}").json()["journal_position"] == profile.headers["Journal-Position"]
    for id in (commands[0], own):
        error_of(make_worker(server).http.get(f"{BASE}/commands/{id}"), 404, "not_found")
    error_of(worker.http.get(f"{BASE}/commands/cmd_{'0' * 26}"), 404, "not_found")
    error_of(worker.http.get(f"{BASE}/commands/x"), 404, "not_found")
