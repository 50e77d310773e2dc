"""The people who do the work, as tests need them: registered, verified, logged in, with real media to hand in."""
from __future__ import annotations

import concurrent.futures
import email
import email.policy
import hashlib
import io
import os
import re
import struct
import wave
import zlib

import httpx

from harness import Org, Server, wait_for

BASE = "/api/v1/worker"
PASSWORD = "correct horse battery"
MAIL_DEADLINE_S = 60


# Media: small, and what they say they are


def wav(seconds: float = 2, seed: int = 0) -> bytes:
    """Mono, 8 bits, 8 kHz. Another seed is another recording of the same length."""
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(8000)
        file.writeframes(bytes((seed * 7 + n * (1 + seed % 5)) % 256 for n in range(int(8000 * seconds))))
    return target.getvalue()


def png(width: int = 8, height: int = 8, seed: int = 0, level: int = -1) -> bytes:
    """An RGB image of one colour; its bytes are not compressed at level 0."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    colour = bytes(((seed * 37) % 256, (seed // 256) % 256, 200))
    rows = (b"\0" + colour * width) * height
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows, level)) + chunk(b"IEND", b""))


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def announcement(content: bytes, content_type: str, /, **changes) -> dict:
    """The body of an upload's announcement; a value of `...` leaves the field out."""
    body = {"content_type": content_type, "bytes": len(content), "sha256": sha256(content), **changes}
    return {name: value for name, value in body.items() if value is not ...}


# Errors


def error_of(response: httpx.Response, status: int, code: str) -> dict:
    """Asserts this surface's error format and returns the members beside `error` and `code`."""
    assert response.status_code == status, f"{response.status_code} {response.text}"
    assert response.headers["content-type"].split(";")[0] == "application/json"
    body = response.json()
    assert list(body)[:2] == ["error", "code"], body
    assert isinstance(body["error"], str) and body["error"]
    assert body["code"] == code, response.text
    return {name: value for name, value in body.items() if name not in ("error", "code")}


def wrong_fields(response: httpx.Response) -> list[tuple[str, str]]:
    """The (path, code) of every wrong field of a 400."""
    return [(field["path"], field["code"]) for field in error_of(response, 400, "validation_error")["fields"]]


# Accounts


def new_email() -> str:
    return f"{os.urandom(8).hex()}@example.test"


def registration(**changes) -> dict:
    """A request that registers somebody new; a value of `...` leaves the field out."""
    body = {"name": "Ada", "email": new_email(), "password": PASSWORD, **changes}
    return {name: value for name, value in body.items() if value is not ...}


def mail_of(server: Server, id: str, name: str = "verify", number: int = 1) -> email.message.EmailMessage:
    """A worker's mail of that name, waited for: it is sent after the answer. `number` counts those that were asked
    for. A server that was killed before it could say that it had sent one sends it again, under the same Message-ID;
    no other does."""
    folder = server.data / "mail"
    suffix = "" if number == 1 else f"-{number}"
    files = wait_for(lambda: sorted(folder.glob(f"*-{name}-{id}{suffix}.eml")), f"a mail to {id}", MAIL_DEADLINE_S)
    mails = [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files]
    assert len({mail["Message-ID"] for mail in mails}) == 1, files
    # What waits to be sent cannot be asked for once more, and whether it was sent is recorded a moment later.
    which = {"verify": "verification_mail", "reset": "reset_mail"}[name]
    with server.ops() as ops:
        wait_for(lambda: ops.get(f"/ops/workers/{id}").json()[which] != "waiting", f"the mail to {id} is recorded")
    return mails[-1]


def link_of(server: Server, id: str, name: str = "verify", number: int = 1) -> str:
    """Path and query of the link in the mail: the host in it may be a server of before a restart."""
    return link_in(mail_of(server, id, name, number).get_content())


def link_in(text: str) -> str:
    links = re.findall(r"https?://\S+", text)
    assert len(links) == 1, text
    return httpx.URL(links[0]).raw_path.decode()


def reset_link(server: Server, worker: Worker, number: int = 1) -> str:
    """Asks for a new password and returns path and query of the link that comes."""
    with server.client() as nobody:
        response = nobody.post(f"{BASE}/password/forgot", json={"email": worker.email})
    assert response.status_code == 202, response.text
    return link_of(server, worker.id, "reset", number)


def path_of(url: str) -> str:
    """Path and query of a signed URL."""
    parsed = httpx.URL(url)
    assert parsed.is_absolute_url, url
    return parsed.raw_path.decode()


class Worker:
    """Somebody who may work, and the calls that most tests begin with."""

    def __init__(self, server: Server, registered: dict, password: str):
        self.server = server
        self.id = registered["id"]
        self.email = registered["email"]
        self.name = registered["name"]
        self.password = password
        self.token = ""
        self._client: httpx.Client | None = None

    @property
    def http(self) -> httpx.Client:
        """The client with the worker's token; made anew when the server has moved to another port."""
        if self._client is None or str(self._client.base_url).rstrip("/") != self.server.base_url:
            self.close()
            self._client = self.server.client(self.token)
        return self._client

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def verify(self) -> None:
        with self.server.client() as browser:
            response = browser.post(link_of(self.server, self.id))
        assert response.status_code == 200, response.text

    def login(self) -> dict:
        with self.server.client() as nobody:
            response = nobody.post(f"{BASE}/login", json={"email": self.email, "password": self.password})
        assert response.status_code == 200, response.text
        self.token = response.json()["token"]
        self.close()
        return response.json()

    def get(self, path: str, **parameters) -> dict:
        response = self.http.get(BASE + path, params=parameters)
        assert response.status_code == 200, response.text
        return response.json()

    def feed(self, **parameters) -> list[dict]:
        """The whole feed, by cursors."""
        tasks: list[dict] = []
        parameters = {"limit": 100, **parameters}
        while True:
            page = self.get("/feed", **parameters)
            tasks += page["tasks"]
            if page["next_cursor"] is None:
                return tasks
            parameters["cursor"] = page["next_cursor"]

    def feed_ids(self, **parameters) -> list[str]:
        return [task["id"] for task in self.feed(**parameters)]

    def post(self, task: dict | str, action: str, body: dict | None = None, key: str | None = None) -> httpx.Response:
        id = task if isinstance(task, str) else task["id"]
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.http.post(f"{BASE}/tasks/{id}/{action}", json=body, headers=headers)

    def accept(self, task: dict | str) -> dict:
        response = self.post(task, "accept")
        assert response.status_code == 200, response.text
        return response.json()

    def announce(self, task: dict | str, content: bytes, content_type: str, **changes) -> dict:
        response = self.post(task, "uploads", announcement(content, content_type, **changes))
        assert response.status_code == 201, response.text
        return response.json()

    def put(self, announced: dict, content) -> httpx.Response:
        """Sends the bytes to the signed URL, as the announcement said."""
        with self.server.client() as nobody:
            return nobody.request(announced["method"], path_of(announced["url"]), content=content,
                                  headers=announced["headers"])

    def upload(self, task: dict | str, content: bytes, content_type: str) -> str:
        """Announces and uploads; returns the id that a proof names."""
        announced = self.announce(task, content, content_type)
        response = self.put(announced, content)
        assert response.status_code == 200, response.text
        return announced["upload_id"]

    def prove(self, task: dict | str, **proof) -> dict:
        response = self.post(task, "proof", proof)
        assert response.status_code == 201, response.text
        return response.json()["submission"]

    def submit_text(self, task: dict | str, text: str = "What I saw.") -> dict:
        """Accepts a task of texts and hands one in."""
        self.accept(task)
        return self.prove(task, text=text)

    def earned(self) -> dict:
        return self.get("/earnings")["periods"]["all_time"]


def register(server: Server, **changes) -> Worker:
    """Registered, and not verified yet."""
    body = registration(**changes)
    with server.client() as nobody:
        response = nobody.post(f"{BASE}/register", json=body)
    assert response.status_code == 201, response.text
    return Worker(server, response.json()["worker"], body["password"])


def make_worker(server: Server, **changes) -> Worker:
    """Registered, verified by the link in the mail, and logged in."""
    worker = register(server, **changes)
    worker.verify()
    worker.login()
    return worker


def make_workers(server: Server, count: int) -> list[Worker]:
    """Many at once: most of their time goes into the hashing of passwords, which uses every core."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda n: make_worker(server, name=f"Worker {n}"), range(count)))


# Customers


def text_task(org: Org, **changes) -> dict:
    """A paid task that asks for a text."""
    return org.open_task(**{"modalities": ["text"], "reward_cents": 500, "target_submissions": 5, **changes})


def submissions(org: Org, task: dict, **parameters) -> list[dict]:
    """All submissions of a task in one status, by cursors."""
    found: list[dict] = []
    parameters = {"limit": 100, **parameters}
    while True:
        response = org.http.get(f"/api/v1/tasks/{task['id']}/submissions", params=parameters)
        assert response.status_code == 200, response.text
        page = response.json()
        found += page["data"]
        if page["pagination"]["next_cursor"] is None:
            return found
        parameters["cursor"] = page["pagination"]["next_cursor"]


def approve(org: Org, submission: dict | str) -> httpx.Response:
    id = submission if isinstance(submission, str) else submission["id"]
    return org.http.post(f"/api/v1/submissions/{id}/approve")


def reject(org: Org, submission: dict | str, reason: str = "Too dark.") -> httpx.Response:
    id = submission if isinstance(submission, str) else submission["id"]
    return org.http.post(f"/api/v1/submissions/{id}/reject", json={"reason": reason})


def wait_for_earnings(worker: Worker, cents: int, count: int) -> None:
    """An approval reaches the worker's own chain within moments."""
    want = {"earned_cents": cents, "submissions": count}
    wait_for(lambda: worker.earned() == want, f"{worker.id} has earned {want}", 60)
