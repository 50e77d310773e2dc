"""Money over crashes: whatever moment the server is killed at, an approved submission is paid, and paid once."""
import concurrent.futures
import os
import random
import threading

import httpx
import pytest

import chain
import workers
from harness import wait_for
from workers import BASE, text_task

REWARD = 500
ROUNDS = int(os.environ.get("GROUNDTRUTH_CRASH_ROUNDS", "3"))


def check_ledger(server) -> dict[str, int]:
    """The audit from the journal passes, and no money is on its way; returns the cents of every account."""
    report = server.cli_json("ledger", "check")
    assert (report["sound"], report["violated"]) == (True, 0), report
    balances = server.cli_json("ledger", "balance")["balances_cents"]
    assert balances == report["balances_cents"]
    assert balances["transit"] == 0
    return balances


def settled(server) -> list[tuple[str, str]]:
    """Whose approved work on which task was settled, as often as the journal says it."""
    return sorted((event["data"]["worker"], event["data"]["task"])
                  for commits in chain.check_journal(server.journal()).values() for commit in commits
                  for event in commit["events"]
                  if event["type"] == "worker.work_settled" and event["data"]["outcome"] == "approved")


def test_killed_right_after_approvals(fresh_server, make_org, make_worker):
    server = fresh_server()
    org = make_org(server)
    people = [make_worker(server) for _ in range(3)]
    tasks = [text_task(org) for _ in range(4)]
    made = [person.submit_text(task) for person in people for task in tasks]
    for submission in made:
        assert workers.approve(org, submission).status_code == 200
    server.kill()
    server.start()
    for person in people:
        workers.wait_for_earnings(person, 4 * REWARD, 4)
    assert settled(server) == sorted((person.id, task["id"]) for person in people for task in tasks)
    check_ledger(server)
    server.assert_rebuild_gives_same_digest()


class Approvals:
    """Approves submissions on several connections until the server goes away; knows what was acknowledged."""

    def __init__(self, org, submissions: list[str], threads: int = 4):
        self._org, self._left = org, list(submissions)
        self._lock = threading.Condition()
        self.acknowledged: list[str] = []
        self.failures: list[str] = []
        self._pool = concurrent.futures.ThreadPoolExecutor(threads)
        self._running = [self._pool.submit(self._run) for _ in range(threads)]

    def _run(self) -> None:
        with self._org.server.client(self._org.api_key) as client:
            while True:
                with self._lock:
                    if not self._left:
                        return
                    id = self._left.pop()
                try:
                    answer = client.post(f"/api/v1/submissions/{id}/approve", headers={"Idempotency-Key": id})
                except httpx.TransportError:
                    return
                with self._lock:
                    if answer.status_code == 200:
                        self.acknowledged.append(id)
                    else:
                        self.failures.append(answer.text)
                    self._lock.notify_all()

    def wait_for(self, count: int) -> None:
        with self._lock:
            assert self._lock.wait_for(lambda: len(self.acknowledged) >= count or self.failures, 60), "no progress"

    def join(self) -> None:
        for one in self._running:
            one.result(60)
        self._pool.shutdown()


@pytest.mark.slow
def test_killed_among_approvals(fresh_server, make_org):
    seed = int(os.environ.get("GROUNDTRUTH_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
    print(f"GROUNDTRUTH_SEED={seed}, {ROUNDS} rounds")
    generator = random.Random(seed)
    server = fresh_server()
    org = make_org(server)
    people = workers.make_workers(server, 8)
    everything: list[tuple[str, str]] = []
    for round in range(1, ROUNDS + 1):
        tasks = [text_task(org, target_submissions=8) for _ in range(6)]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            made = list(pool.map(lambda pair: pair[0].submit_text(pair[1])["id"],
                                 [(person, task) for person in people for task in tasks]))
        approvals = Approvals(org, made)
        approvals.wait_for(generator.randrange(1, len(made) - 8))
        server.kill()
        approvals.join()
        assert not approvals.failures, approvals.failures
        server.start()
        for id in approvals.acknowledged:
            assert org.http.get(f"/api/v1/submissions/{id}").json()["status"] == "approved"
        for id in made:  # retries of all of them, answered or not, make each happen once
            answer = org.http.post(f"/api/v1/submissions/{id}/approve", headers={"Idempotency-Key": id})
            assert answer.status_code == 200, answer.text
            assert ("Idempotent-Replayed" in answer.headers) or id not in approvals.acknowledged
        if round % 2:  # once right away, once after all is settled
            server.kill()
            server.start()
        everything += [(person.id, task["id"]) for person in people for task in tasks]
        for person in people:
            workers.wait_for_earnings(person, round * 6 * REWARD, round * 6)
        for task in tasks:
            assert org.get_task(task["id"])["status"] == "completed"
    assert settled(server) == sorted(everything)
    totals = check_ledger(server)
    assert totals["escrow"] == 0, "every task is completed"
    assert totals["payable"] + totals["fees"] == REWARD * len(everything)
    server.assert_rebuild_gives_same_digest()
    assert [person.earned()["submissions"] for person in people] == [ROUNDS * 6] * len(people)


def test_killed_between_all_the_steps_of_one_task(fresh_server, make_org, make_worker):
    """Each step of the way is on disk when it is answered: nothing has to be done twice."""
    server = fresh_server()

    def restart() -> None:
        server.kill()
        server.start()

    org, worker = make_org(server), make_worker(server)
    restart()
    task = org.open_task(modalities=["audio"], reward_cents=2500, target_submissions=1)
    restart()
    assert worker.feed_ids() == [task["id"]]
    lease = worker.post(task, "accept", key="a")
    restart()
    assert worker.post(task, "accept", key="a").content == lease.content
    announced = worker.announce(task, workers.wav(), "audio/wav")
    restart()
    assert worker.put(announced, workers.wav()).status_code == 200
    restart()
    proof = worker.post(task, "proof", {"uploads": [announced["upload_id"]]}, key="p")
    assert proof.status_code == 201, proof.text
    restart()
    assert worker.post(task, "proof", {"uploads": [announced["upload_id"]]}, key="p").content == proof.content
    id = proof.json()["submission"]["id"]
    assert workers.approve(org, id).status_code == 200
    restart()
    workers.wait_for_earnings(worker, 2500, 1)
    assert org.get_task(task["id"])["status"] == "completed"
    url = org.http.get(f"/api/v1/submissions/{id}").json()["media_url"]
    with server.client() as browser:
        assert browser.get(workers.path_of(url)).content == workers.wav()
    check_ledger(server)


def test_cancelled_and_killed(fresh_server, make_org, make_worker):
    """A refund and an approval with a kill behind each: what was paid in is what was paid out."""
    server = fresh_server()
    org, worker, other = make_org(server), make_worker(server), make_worker(server)
    task = text_task(org)
    one, two = worker.submit_text(task), other.submit_text(task)
    assert org.http.post(f"/api/v1/tasks/{task['id']}/cancel").json()["refunded_cents"] == 1500
    server.kill()
    server.start()
    assert workers.approve(org, one).status_code == 200
    server.kill()
    server.start()
    assert workers.reject(org, two).status_code == 200
    server.kill()
    server.start()
    workers.wait_for_earnings(worker, 500, 1)
    wait_for(lambda: other.get("/profile")["rejected_submissions"] == 1, "the rejection reaches the other")
    totals = check_ledger(server)
    assert totals["escrow"] == 0
    assert totals["payable"] + totals["fees"] == 500


TRAVERSALS = ["..%2f..%2fmaster.key", "%2e%2e%2f%2e%2e", "....%2f%2f", "%2fetc%2fpasswd", "..%5c..%5cmaster.key", "%2e", "%2e%2e",
              "tsk_..%2f..%2fx", "..;", "~", "file:%2f%2f%2fetc%2fpasswd", "x" * 4000]


@pytest.mark.parametrize("id", TRAVERSALS)
def test_ids_that_are_paths(server, org, worker, id):
    """Every place of every path that takes an id answers as if it had been asked for nothing."""
    with server.client() as nobody:
        answers = [
            org.http.get(f"/api/v1/tasks/{id}"), org.http.get(f"/api/v1/tasks/{id}/submissions"),
            org.http.post(f"/api/v1/tasks/{id}/cancel"), org.http.get(f"/api/v1/submissions/{id}"),
            org.http.post(f"/api/v1/submissions/{id}/approve"),
            org.http.post(f"/api/v1/submissions/{id}/reject", json={"reason": "x"}),
            org.http.delete(f"/api/v1/api-keys/{id}"), org.http.get(f"/api/v1/commands/{id}"),
            worker.post(id, "accept"), worker.post(id, "release"), worker.post(id, "proof", {"text": "x"}),
            worker.post(id, "uploads", workers.announcement(b"x", "audio/wav")), nobody.get(f"{BASE}/{id}/public"),
            nobody.get(f"/media/{id}/{'0' * 64}"), nobody.get(f"/media/asg_{'0' * 26}/{id}"),
            nobody.get(f"/openapi/{id}"), nobody.get(f"/docs/{id}"), nobody.get(f"/docs/assets/{id}"),
            nobody.get(f"/dev/checkout/{id}"),
        ]
    assert [(str(answer.request.url), answer.status_code) for answer in answers if answer.status_code != 404] == []
