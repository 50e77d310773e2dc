"""kill -9 at random moments under load: nothing acknowledged is lost, nothing happens twice, the first answer stays."""
from __future__ import annotations

import dataclasses
import os
import random
import threading
import time

import httpx
import pytest

import chain
from harness import task_body, wait_for

ROUNDS = int(os.environ.get("GROUNDTRUTH_CRASH_ROUNDS", "20"))
THREADS = 4


@dataclasses.dataclass
class Sent:
    """One request under one idempotency key. `answer` is None when the kill took it away: then it may have happened or not."""

    key: str
    path: str
    body: dict
    answer: httpx.Response | None = None

    def post(self, client: httpx.Client) -> httpx.Response:
        return client.post(self.path, json=self.body, headers={"Idempotency-Key": self.key})


class Load:
    """Threads that create tasks and cancel some of them until the server is gone, remembering what was acknowledged.

    Answers with one of the statuses `unknown` say nothing of what became of a request, and no harm is done."""

    def __init__(self, org, round: int, unknown: tuple[int, ...] = ()):
        self._org = org
        self._round = round
        self._unknown = unknown
        self._gone = threading.Event()
        self._changed = threading.Condition()
        self._acknowledged = 0
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(THREADS)]
        self.sent: list[Sent] = []
        self.failures: list[str] = []

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._gone.set()
        for thread in self._threads:
            thread.join()

    def wait_for_acknowledged(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._acknowledged >= count or self.failures, 60), "no progress"

    def _run(self, thread: int) -> None:
        with self._org.server.client(self._org.api_key) as client:
            number = 0
            while not self._gone.is_set():
                key = f"r{self._round}-t{thread}-{number}"
                number += 1
                created = self._send(client, Sent(key, "/api/v1/tasks", task_body(title=key)), 201)
                if created is not None and number % 3 == 0:
                    path = f"/api/v1/tasks/{created.json()['id']}/cancel"
                    self._send(client, Sent(f"{key}-cancel", path, {}), 200)

    def _send(self, client: httpx.Client, sent: Sent, expected: int) -> httpx.Response | None:
        """The acknowledged answer, or None when there is none (or the server broke its word, which is a failure)."""
        with self._changed:
            self.sent.append(sent)
        try:
            answer = sent.post(client)
        except httpx.TransportError:
            self._gone.set()
            return None
        with self._changed:
            if answer.status_code == expected:
                sent.answer = answer
                self._acknowledged += 1
            elif answer.status_code not in self._unknown:
                self.failures.append(f"{sent.key}: {answer.status_code} {answer.text}")
            self._changed.notify_all()
        return answer if answer.status_code == expected else None


def check_after_restart(org, sent: list[Sent]) -> None:
    """What was acknowledged is there; every retry gives the first answer; a retry of an unknown one makes it happen once."""
    titles = [task["title"] for task in org.all_tasks()]
    assert len(titles) == len(set(titles)), "a task was made twice"
    for one in sent:
        if one.answer is not None and one.path == "/api/v1/tasks":
            assert org.get_task(one.answer.json()["id"])["title"] == one.key
    for one in sent:
        again = one.post(org.http)
        if one.answer is None:
            assert again.status_code in (200, 201), f"{one.key}: {again.text}"
            one.answer = again
        else:
            assert (again.status_code, again.content) == (one.answer.status_code, one.answer.content), one.key
            assert again.headers["Idempotent-Replayed"] == "true", one.key
            assert again.headers["Journal-Position"] == one.answer.headers["Journal-Position"], one.key


def check_everything_once(org, sent: list[Sent]) -> None:
    """At the end of all rounds the lists, the states and the journal hold every request exactly once."""
    tasks = {task["title"]: task for task in org.all_tasks()}
    assert sorted(tasks) == sorted(one.key for one in sent if one.path == "/api/v1/tasks")
    cancelled = {one.answer.json()["id"] for one in sent if one.path != "/api/v1/tasks"}
    for task in tasks.values():
        assert task["status"] == ("cancelled" if task["id"] in cancelled else "funding"), task
    journal = chain.check_journal(org.server.journal())
    keys = [commit["command"]["idempotency_key"] for commits in journal.values() for commit in commits
            if commit.get("command", {}).get("idempotency_key") and commit["actor"].get("account") == org.id]
    assert sorted(keys) == sorted(one.key for one in sent)


def kill_again_and_again(org, generator: random.Random, *, rounds: int, most: int) -> None:
    """Kills the server after up to `most` acknowledged requests, each time at a random place inside the next commit."""
    server = org.server
    everything: list[Sent] = []
    for round in range(rounds):
        with Load(org, round) as load:
            load.wait_for_acknowledged(generator.randrange(1, most))
            time.sleep(generator.random() * 0.005)  # not synchronisation: the random place itself
            server.kill()
        assert not load.failures, load.failures
        server.start()
        check_after_restart(org, load.sent)
        everything += load.sent
    check_everything_once(org, everything)
    server.assert_rebuild_gives_same_digest()
    check_everything_once(org, everything)


@pytest.mark.slow
def test_kill_at_random_moments(fresh_server, make_org):
    seed = int(os.environ.get("GROUNDTRUTH_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
    print(f"GROUNDTRUTH_SEED={seed}, {ROUNDS} rounds")
    generator = random.Random(seed)
    server = fresh_server()
    org = make_org(server)
    kill_again_and_again(org, generator, rounds=ROUNDS, most=60)


@pytest.mark.slow
def test_kill_while_starting(fresh_server, make_org):
    """A start that is cut off at any moment leaves nothing that the next start cannot use."""
    seed = int(os.environ.get("GROUNDTRUTH_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
    print(f"GROUNDTRUTH_SEED={seed}")
    generator = random.Random(seed)
    server = fresh_server(start=False)
    for _ in range(10):
        server.spawn()
        time.sleep(generator.random() * 0.3)  # the random moment itself
        server.kill()
    server.start()
    org = make_org(server)
    task = org.create_task()
    for _ in range(10):
        server.kill()
        server.spawn()
        time.sleep(generator.random() * 0.3)
    server.kill()
    server.start()
    assert org.get_task(task["id"]) == task
    server.assert_rebuild_gives_same_digest()


@pytest.mark.slow
def test_kill_while_rebuilding(fresh_server, make_org):
    """A rebuild that is cut off is finished or begun again; the read models end up the same."""
    server = fresh_server()
    org = make_org(server)
    tasks = [org.create_task(title=f"task {n}") for n in range(100)]
    server.digest()
    for _ in range(3):
        rebuild = threading.Thread(target=lambda: server.cli("projections", "rebuild", check=False))
        rebuild.start()
        server.kill()
        rebuild.join()
        server.start()
        wait_for(lambda: server.readyz() == 200, "ready again")
        assert org.all_tasks() == tasks[::-1]
    server.assert_rebuild_gives_same_digest()


def test_a_killed_server_frees_its_data_directory(fresh_server, make_org):
    server = fresh_server()
    org = make_org(server)
    task = org.create_task()
    server.kill()
    server.start()
    assert org.get_task(task["id"]) == task
