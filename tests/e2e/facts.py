"""What a server has answered, noted as facts, and whether another start of it still knows them all.

`Acts` does what customers, workers and operators do, one act at a time, on a server whose disk may fail: an act is done,
refused or unknown, and is the same request again when it is tried again. Every `2xx` becomes a fact at the moment at which
the caller has it. `check` holds facts against a server that was started on what was left."""
from __future__ import annotations

import concurrent.futures
import dataclasses
import email
import email.policy
import enum
import hashlib
import itertools
import json
import os
import pathlib
import re
from collections.abc import Callable, Iterable

import httpx

import workers
from harness import Org, Server, checkout_path, plain_client, task_body, wait_for
from workers import PASSWORD, Worker, announcement, path_of, png, wav

SECRET_NAME = "Zephyrine Quillfeather"  # what the names of those begin with who may be erased
TASK_FIELDS = ("id", "title", "instructions", "modalities", "reward_cents", "target_submissions", "created_at")


class Outcome(enum.Enum):
    DONE = "done"
    REFUSED = "refused"  # 503 with Retry-After: it did not happen, and may be tried again
    UNKNOWN = "unknown"  # 504, or the connection broke: a retry says what became of it


class WrongAnswer(AssertionError):
    """Neither the answer that was wanted nor an honest refusal."""


@dataclasses.dataclass
class Sent:
    """One request, which is the same one however often it is sent."""

    method: str
    path: str
    body: dict | None
    key: str | None = None
    form: dict | None = None


class Acts:
    """A customer, a worker and an operator at one server. `note` is told each fact."""

    def __init__(self, server: Server, note: Callable[[dict], None]):
        self.server = server
        self.note = note
        self.org: dict = {}
        self.worker: Worker | None = None
        self.text_tasks: list[dict] = []  # paid, and not worked on yet
        self.media_tasks: list[dict] = []
        self.submissions: list[str] = []  # not decided yet
        self.spare_orgs: list[dict] = []
        self.reads_fail = False  # the machine is broken, of which a request may be told by 500
        self._open: dict[str, dict] = {}  # what an act has reached that was not done
        self._numbers = itertools.count()

    # Requests

    def send(self, sent: Sent, expected: tuple[int, ...], *, token: str | None = None, ops: bool = False,
             content: bytes | None = None, headers: dict | None = None) -> tuple[Outcome, httpx.Response | None]:
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if sent.key:
            headers["Idempotency-Key"] = sent.key
        try:
            with plain_client(base_url=self.server.ops_url if ops else self.server.base_url, headers=headers) as client:
                answer = client.request(sent.method, sent.path, json=sent.body, data=sent.form, content=content)
        except httpx.TransportError:
            return Outcome.UNKNOWN, None
        if answer.status_code in expected:
            return Outcome.DONE, answer
        if answer.status_code == 503:
            if int(answer.headers.get("Retry-After", "0")) < 1:
                raise WrongAnswer(f"{sent.method} {sent.path}: 503 without Retry-After: {answer.text}")
            return Outcome.REFUSED, answer
        if answer.status_code == 504 or (answer.status_code == 500 and self.reads_fail):
            return Outcome.UNKNOWN, answer
        raise WrongAnswer(f"{sent.method} {sent.path}: {answer.status_code} {answer.text}")

    def _new_key(self) -> str:
        return f"act-{next(self._numbers)}-{os.urandom(4).hex()}"

    def _kept(self, act: str, make: Callable[[], dict]) -> dict:
        """What this act began with, until it is done."""
        if act not in self._open:
            self._open[act] = make()
        return self._open[act]

    def _customer(self, sent: Sent, *expected: int):
        return self.send(sent, expected, token=self.org["api_key"])

    def _operator(self, sent: Sent, *expected: int):
        return self.send(sent, expected, token=self.server.ops_token, ops=True)

    # Acts. Each returns what became of it; what is not done goes on where it stopped when it is called again.

    def make_org(self) -> Outcome:
        """One more that may be erased later: its name stands nowhere else."""
        plan = self._kept("make_org", lambda: {"surface": "groundtruth", "name": f"{SECRET_NAME} {os.urandom(4).hex()}",
                                               "email": f"{os.urandom(8).hex()}@example.test", "tries": 0})
        plan["tries"] += 1
        # An operator's request has no key: one that was unknown may be found done already.
        expected = (201,) if plan["tries"] == 1 else (201, 409)
        body = {name: value for name, value in plan.items() if name != "tries"}
        outcome, answer = self._operator(Sent("POST", "/ops/accounts", body), *expected)
        if outcome is Outcome.DONE:
            del self._open["make_org"]
            if answer.status_code == 409:
                return self.make_org()
            org = {"id": answer.json()["id"], "api_key": answer.json()["api_key"], "name": plan["name"]}
            self.note({"what": "org", **org})
            self.spare_orgs.append(org)
        return outcome

    def make_task(self, pays: bool = True, **changes) -> Outcome:
        plan = self._kept("make_task", lambda: {"key": self._new_key(), "body": task_body(
            **{"modalities": ["text"], "target_submissions": 5, "reward_cents": 500, **changes}), "task": None})
        if plan["task"] is None:
            sent = Sent("POST", "/api/v1/tasks", plan["body"], plan["key"])
            outcome, answer = self._customer(sent, 201)
            if outcome is not Outcome.DONE:
                return outcome
            plan["task"] = answer.json()
            self.note({"what": "task", "org": self.org["api_key"], "key": plan["key"], "body": plan["body"],
                       "answer": answer.text})
        if pays:
            paid = Sent("POST", checkout_path(plan["task"]), None, form={"action": "pay"})
            outcome, answer = self.send(paid, (303, 409))
            if outcome is not Outcome.DONE:
                return outcome
            self.note({"what": "status", "org": self.org["api_key"], "task": plan["task"]["id"],
                       "among": ["open", "completed", "cancelled", "expired"]})
            (self.text_tasks if plan["body"]["modalities"] == ["text"] else self.media_tasks).append(plan["task"])
        del self._open["make_task"]
        return Outcome.DONE

    def cancel_task(self) -> Outcome:
        plan = self._kept("cancel_task", lambda: {"task": self.text_tasks.pop(), "key": self._new_key()})
        outcome, _ = self._customer(Sent("POST", f"/api/v1/tasks/{plan['task']['id']}/cancel", {}, plan["key"]), 200)
        if outcome is Outcome.DONE:
            del self._open["cancel_task"]
            self.note({"what": "status", "org": self.org["api_key"], "task": plan["task"]["id"], "among": ["cancelled"]})
        return outcome

    def make_key(self) -> Outcome:
        """A key is made and revoked again."""
        plan = self._kept("make_key", lambda: {"key": self._new_key(), "made": None, "revoke": self._new_key()})
        if plan["made"] is None:
            sent = Sent("POST", "/api/v1/api-keys", {"name": "another", "scopes": ["read"]}, plan["key"])
            outcome, answer = self._customer(sent, 201)
            if outcome is not Outcome.DONE:
                return outcome
            plan["made"] = answer.json()
        made = plan["made"]
        outcome, _ = self._customer(Sent("DELETE", f"/api/v1/api-keys/{made['id']}", None, plan["revoke"]), 200, 204)
        if outcome is Outcome.DONE:
            del self._open["make_key"]
            if "api_key" in made or "key" in made:
                self.note({"what": "revoked", "api_key": made.get("api_key") or made.get("key")})
        return outcome

    def register(self) -> Outcome:
        plan = self._kept("register", lambda: {"key": self._new_key(), "body": workers.registration(name="Ada")})
        sent = Sent("POST", "/api/v1/worker/register", plan["body"], plan["key"])
        outcome, answer = self.send(sent, (201,))
        if outcome is Outcome.DONE:
            del self._open["register"]
            registered = answer.json()["worker"]
            self.note({"what": "worker", "id": registered["id"], "email": registered["email"], "verified": False})
        return outcome

    def make_worker(self) -> None:
        """The worker of all later acts; on a healthy disk only."""
        worker = workers.register(self.server, name="Ada")
        fact = {"what": "worker", "id": worker.id, "email": worker.email}
        self.note({**fact, "verified": False})
        worker.verify()
        self.note({**fact, "verified": True})
        worker.login()
        self.worker = worker

    def _work(self, act: str, tasks: list[dict], make_content: Callable[[], bytes] | None = None) -> Outcome:
        plan = self._kept(act, lambda: {"task": tasks.pop(0), "accept": self._new_key(), "accepted": False,
                                        "content": make_content() if make_content else None,
                                        "announce": self._new_key(), "upload": None, "sent": False,
                                        "prove": self._new_key()})
        content: bytes | None = plan["content"]
        assert self.worker is not None
        token, base = self.worker.token, f"/api/v1/worker/tasks/{plan['task']['id']}"
        if not plan["accepted"]:
            outcome, _ = self.send(Sent("POST", f"{base}/accept", None, plan["accept"]), (200,), token=token)
            if outcome is not Outcome.DONE:
                return outcome
            plan["accepted"] = True
        text = f"What I saw, {plan['prove']}."
        proof: dict = {"text": text}
        if content is not None:
            if plan["upload"] is None:
                body = announcement(content, "audio/wav" if content.startswith(b"RIFF") else "image/png")
                outcome, answer = self.send(Sent("POST", f"{base}/uploads", body, plan["announce"]), (201,), token=token)
                if outcome is not Outcome.DONE:
                    return outcome
                plan["upload"] = answer.json()
            upload = plan["upload"]
            if not plan["sent"]:
                sent = Sent(upload["method"], path_of(upload["url"]), None)
                outcome, _ = self.send(sent, (200,), content=content, headers=upload["headers"])
                if outcome is not Outcome.DONE:
                    return outcome
                plan["sent"] = True
                # Nobody can see an upload before it is handed in, so whoever finds this fact hands it in.
                self.note({"what": "upload", "worker": self.worker.email, "task": plan["task"]["id"],
                           "upload": upload["upload_id"]})
            proof = {"uploads": [upload["upload_id"]]}
        outcome, answer = self.send(Sent("POST", f"{base}/proof", proof, plan["prove"]), (201,), token=token)
        if outcome is Outcome.DONE:
            del self._open[act]
            made = answer.json()["submission"]
            self.note({"what": "submission", "org": self.org["api_key"], "id": made["id"], "task": plan["task"]["id"],
                       "sha256": hashlib.sha256(text.encode() if content is None else content).hexdigest()})
            self.submissions.append(made["id"])
        return outcome

    def hand_in_text(self) -> Outcome:
        return self._work("hand_in_text", self.text_tasks)

    def hand_in_picture(self) -> Outcome:
        """A small object, a row of a database."""
        return self._work("hand_in_picture", self.media_tasks, lambda: png(seed=next(self._numbers)))

    def hand_in_recording(self) -> Outcome:
        """An object that is a file of its own."""
        return self._work("hand_in_recording", self.media_tasks, lambda: wav(3, next(self._numbers)))

    def approve(self) -> Outcome:
        plan = self._kept("approve", lambda: {"id": self.submissions.pop(0), "key": self._new_key()})
        outcome, _ = self._customer(Sent("POST", f"/api/v1/submissions/{plan['id']}/approve", None, plan["key"]), 200)
        if outcome is Outcome.DONE:
            del self._open["approve"]
            self.note({"what": "decided", "org": self.org["api_key"], "id": plan["id"], "status": "approved"})
            assert self.worker is not None
            self.note({"what": "earned", "worker": self.worker.email, "cents": 500})
        return outcome

    def reject(self) -> Outcome:
        plan = self._kept("reject", lambda: {"id": self.submissions.pop(0), "key": self._new_key()})
        sent = Sent("POST", f"/api/v1/submissions/{plan['id']}/reject", {"reason": "Too dark."}, plan["key"])
        outcome, _ = self._customer(sent, 200)
        if outcome is Outcome.DONE:
            del self._open["reject"]
            self.note({"what": "decided", "org": self.org["api_key"], "id": plan["id"], "status": "rejected"})
        return outcome

    def erase(self) -> Outcome:
        plan = self._kept("erase", lambda: self.spare_orgs.pop())
        self.note({"what": "erasing", "api_key": plan["api_key"]})
        outcome, _ = self._operator(Sent("DELETE", f"/ops/accounts/{plan['id']}", None), 200)
        if outcome is Outcome.DONE:
            del self._open["erase"]
            self.note({"what": "erased", "id": plan["id"], "api_key": plan["api_key"], "name": plan["name"]})
        return outcome

    # All of them

    def prepare(self, rounds: int = 2) -> None:
        """On a healthy disk: what the acts need, for so many rounds of them."""
        done(self.make_org())
        self.org = self.spare_orgs.pop()
        for _ in range(rounds):
            done(self.make_org())
        for _ in range(3 * rounds):
            done(self.make_task())
        for _ in range(3 * rounds):
            done(self.make_task(modalities=["image", "audio"]))
        self.make_worker()
        for _ in range(rounds):
            done(self.hand_in_text())

    @property
    def all(self) -> list[Callable[[], Outcome]]:
        """Each once; what one leaves (a submission, a task) another one of them takes."""
        return [self.make_task, self.register, self.hand_in_text, self.hand_in_picture, self.hand_in_recording,
                self.approve, self.make_key, self.cancel_task, self.make_org, self.erase]

    def try_all(self) -> dict[str, Outcome]:
        return {act.__name__: act() for act in self.all}

    def settle(self, what: str, *, unless: Callable[[], bool] = lambda: False, deadline_s: float = 30) -> bool:
        """Every act is done in the end, by this same process: what was refused or unknown before is done first. False
        where it is none any more that could, as `unless` says."""
        for act in self.all:
            try:
                reached = wait_for(lambda: "never" if unless() else act() is Outcome.DONE, f"{act.__name__} {what}",
                                   deadline_s)
            except AssertionError as never:
                with self.server.ops() as ops:
                    raise AssertionError(f"{never}; /readyz says: {ops.get('/readyz').text}") from None
            if reached == "never":
                return False
        return True


def done(outcome: Outcome) -> None:
    assert outcome is Outcome.DONE, outcome


# Checking


def login(server: Server, address: str) -> httpx.Response:
    with server.client() as nobody:
        return nobody.post("/api/v1/worker/login", json={"email": address, "password": PASSWORD})


def check(server: Server, facts: Iterable[dict]) -> None:
    """Every fact holds on this running server, and its journal and ledger are sound. Tells all that is wrong at once."""
    by_kind: dict[str, list[dict]] = {}
    for fact in facts:
        by_kind.setdefault(fact["what"], []).append(fact)
    partitions = server.journal()
    problems = []
    for part in (lambda: _check_customers(server, by_kind), lambda: _check_workers(server, by_kind),
                 lambda: _check_mails(server, partitions), lambda: _check_books(server),
                 lambda: _check_erased(server, by_kind)):
        try:
            part()
        except AssertionError as problem:
            problems.append(str(problem))
    assert not problems, "\n".join(problems)


def _check_customers(server: Server, by_kind: dict[str, list[dict]]) -> None:
    erased = {fact["api_key"] for fact in by_kind.get("erased", [])}
    erasing = {fact["api_key"] for fact in by_kind.get("erasing", [])}  # asked for; it may have happened
    with server.client() as client:
        def get(path: str, key: str) -> httpx.Response:
            return client.get(path, headers={"Authorization": f"Bearer {key}"})

        for fact in by_kind.get("org", []):
            if fact["api_key"] not in erased:
                answer = get("/api/v1/tasks", fact["api_key"])
                expected = (200, 401) if fact["api_key"] in erasing else (200,)
                assert answer.status_code in expected, f"{fact}: {answer.status_code} {answer.text}"
        for key in [*(fact["api_key"] for fact in by_kind.get("revoked", [])), *erased]:
            assert get("/api/v1/tasks", key).status_code == 401, f"{key} is good again"
        for fact in by_kind.get("task", []):
            made = json.loads(fact["answer"])
            answer = get(f"/api/v1/tasks/{made['id']}", fact["org"])
            assert answer.status_code == 200, f"{fact}: {answer.status_code} {answer.text}"
            assert {name: answer.json()[name] for name in TASK_FIELDS} == {name: made[name] for name in TASK_FIELDS}
        for fact in by_kind.get("status", []):
            answer = get(f"/api/v1/tasks/{fact['task']}", fact["org"])
            assert answer.status_code == 200 and answer.json()["status"] in fact["among"], f"{fact}: {answer.text}"
        decided = {fact["id"]: fact["status"] for fact in by_kind.get("decided", [])}
        for fact in by_kind.get("submission", []):
            answer = get(f"/api/v1/submissions/{fact['id']}", fact["org"])
            assert answer.status_code == 200, f"{fact}: {answer.status_code} {answer.text}"
            found = answer.json()
            if fact["id"] in decided:
                assert found["status"] == decided[fact["id"]], found
            if found["status"] == "rejected":
                continue  # who may have its media then is no question of durability
            media = client.get(path_of(found["media"][0]["url"]))
            assert media.status_code == 200, f"{fact}: its media: {media.status_code} {media.text}"
            assert hashlib.sha256(media.content).hexdigest() == fact["sha256"], f"{fact}: other media"
        for fact in by_kind.get("task", [])[-3:]:  # a retry gets the first answer
            answer = client.post("/api/v1/tasks", json=fact["body"], headers={
                "Authorization": f"Bearer {fact['org']}", "Idempotency-Key": fact["key"]})
            assert (answer.status_code, answer.text) == (201, fact["answer"]), fact


def _check_books(server: Server) -> None:
    server.cli("journal", "verify")
    report = server.cli_json("ledger", "check")
    assert (report["sound"], report["violated"]) == (True, 0), report


def _check_erased(server: Server, by_kind: dict[str, list[dict]]) -> None:
    for fact in by_kind.get("erased", []):
        def left() -> list[str]:
            return [path.name for path in files_of(server) if fact["name"].encode() in content_of(path)]

        # What could not be written at once is written a little later.
        wait_for(lambda: not left(), f"nothing holds {fact['name']}, who was erased; now: {left()}", 10)


def _check_workers(server: Server, by_kind: dict[str, list[dict]]) -> None:
    verified = {}
    for fact in by_kind.get("worker", []):
        verified[fact["email"]] = verified.get(fact["email"], False) or fact["verified"]
    answers = {address: login(server, address) for address in verified}
    for address, is_verified in verified.items():
        answer = answers[address]
        assert answer.status_code == 200 or (answer.status_code == 403 and not is_verified), \
            f"{address}: {answer.status_code} {answer.text}"
    earned: dict[str, int] = {}
    for fact in by_kind.get("earned", []):
        earned[fact["worker"]] = earned.get(fact["worker"], 0) + fact["cents"]
    handed_in = {fact["task"] for fact in by_kind.get("submission", [])}
    with server.client() as client:
        def headers(address: str) -> dict[str, str]:
            return {"Authorization": f"Bearer {answers[address].json()['token']}"}

        for address, cents in earned.items():
            def paid() -> bool:
                answer = client.get("/api/v1/worker/earnings", headers=headers(address))
                return answer.json()["periods"]["all_time"]["earned_cents"] >= cents

            wait_for(paid, f"{address} has earned {cents} cents", 30)
        for fact in by_kind.get("upload", []):
            if fact["task"] in handed_in:
                continue
            answer = client.post(f"/api/v1/worker/tasks/{fact['task']}/proof", json={"uploads": [fact["upload"]]},
                                 headers=headers(fact["worker"]))
            # It may have been handed in already, with nobody told.
            assert answer.status_code == 201 or answer.json().get("reason") != "upload_missing", f"{fact}: {answer.text}"


def _check_mails(server: Server, partitions) -> None:
    """Where mail is files: one stands there, whole, for everybody of whom the journal says that it was sent."""
    if not server.dev:
        return
    mailed = [event["data"]["worker"] for partition in partitions for commit in partition.commits
              for event in json.loads(commit)["events"] if event["type"] == "worker.verification_mailed"]
    for id in mailed:
        files = sorted((server.data / "mail").glob(f"*-verify-{id}.eml"))
        assert files, f"{id} is marked as mailed, and there is no mail"
        for file in files:
            text = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            assert text["Message-ID"] and re.search(r"https?://\S+", text.get_content() if text["Subject"] else ""), \
                f"{file.name} is not whole: {file.read_bytes()[:200]!r}"


def files_of(server: Server) -> list[pathlib.Path]:
    return [path for path in server.data.rglob("*") if path.is_file()]


def content_of(path: pathlib.Path) -> bytes:
    """Nothing where the file has gone meanwhile."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
