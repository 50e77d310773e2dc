"""Starts, watches and ends the server under test, and speaks to it by command line and HTTP."""
from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import resource
import signal
import subprocess
import time
from collections.abc import Callable

import httpx

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("GROUNDTRUTH_BINARY", REPOSITORY / "build" / "release" / "groundtruth"))

CLOCK_SHIM = BINARY.parent / "tests" / "tools" / "tool_clock_shim.so"

# Bounds for waiting, generous because they only decide when a hang is called a failure.
START_DEADLINE_S = 60
STOP_DEADLINE_S = 30
CLI_DEADLINE_S = 120
POLL_S = 0.02


def wait_for(condition: Callable[[], object], what: str, deadline_s: float = 20) -> object:
    """Polls until the condition gives something true and returns that; fails with `what` after the deadline."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline_s} s: {what}")
        time.sleep(POLL_S)


def config(*, key_per_minute: int | None = None, header_timeout_ms: int | None = None,
           body_timeout_ms: int | None = None, idle_timeout_ms: int | None = None) -> dict:
    """The settings that tests change, as schemas/config/config.json has them. The one place that knows its keys."""
    settings: dict = {}
    if key_per_minute is not None:
        settings["rate_limits"] = {"groundtruth": {"key_per_minute": key_per_minute}}
    timeouts = {"header_timeout_ms": header_timeout_ms, "body_timeout_ms": body_timeout_ms,
                "idle_timeout_ms": idle_timeout_ms}
    http = {name: value for name, value in timeouts.items() if value is not None}
    if http:
        settings["http"] = http
    return settings


def plain_client(**settings) -> httpx.Client:
    """A client for http:// on loopback: to load certificates that nobody looks at takes longer than most tests."""
    return httpx.Client(**{"timeout": 30, "trust_env": False, "verify": False} | settings)


class StartFailed(Exception):
    """The server ended before it was ready. `code` is its exit code, `log` what it said."""

    def __init__(self, code: int, log: str):
        super().__init__(f"the server ended with {code} before it was ready:\n{log}")
        self.code = code
        self.log = log


@dataclasses.dataclass
class Partition:
    """One line of `journal stat`, and the commits that `journal cat` gives for it."""

    topic: str
    partition: int
    seq: int
    id: str
    orphans: int
    commits: list[bytes]

    @property
    def name(self) -> str:
        return f"{self.topic}/{self.partition}"


class Server:
    """One data directory and the process that serves it, which may be stopped, killed and started again."""

    def __init__(self, data: pathlib.Path, log: pathlib.Path, *, rate_limits: bool = False,
                 settings: dict | None = None, dev: bool = True):
        data.mkdir(parents=True, exist_ok=True)
        self.data = data
        self.log = log
        self.damaged = False  # set by tests that break the data on purpose: nothing is checked at the end
        self.process: subprocess.Popen | None = None
        self.roles = ""  # of the next start; all where it is empty
        self.environment: dict[str, str] = {}  # besides this process's own, of the next start
        self.clock_offset_s = 0  # of the next start: its wall clock is so far from the machine's
        self.limits: dict[int, tuple[int, int]] = {}  # of the next start, as resource.setrlimit takes them
        self.user: int | None = None  # who starts it next; this user where it is None
        self.wrapper: list[str] = []  # what the next start's command line begins with
        self.base_url = ""
        self.ops_url = ""
        self.dev = dev
        self._extra = ["--dev"] if dev else []
        if not rate_limits:
            self._extra.append("--no-rate-limits")
        if settings:
            path = log.with_suffix(".config.json")
            path.write_text(json.dumps(settings))
            self._extra += ["--config", str(path)]

    # Life

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def spawn(self) -> None:
        """Starts the process without waiting for anything."""
        assert not self.running
        command = [str(BINARY), "serve", "--listen", "127.0.0.1:0", "--ops", "127.0.0.1:0",
                   "--data", str(self.data), *self._extra]
        if self.roles:
            command += ["--roles", self.roles]
        environment = {**os.environ, **self.environment}
        if self.clock_offset_s:
            environment |= {"LD_PRELOAD": str(CLOCK_SHIM), "GT_CLOCK_OFFSET_S": str(self.clock_offset_s)}
        limits = self.limits

        def restrict() -> None:
            for kind, limit in limits.items():
                resource.setrlimit(kind, limit)

        with self.log.open("ab") as log:
            self.process = subprocess.Popen([*self.wrapper, *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=environment, user=self.user, preexec_fn=restrict if limits else None)

    def start(self) -> Server:
        """Starts the process and returns when it is ready."""
        self.spawn()
        try:
            wait_for(self._ready, "the server is ready", START_DEADLINE_S)
        except AssertionError as failure:
            self.kill()
            raise AssertionError(f"{failure}; its log:\n{self.log_tail()}") from None
        return self

    def _ready(self) -> bool:
        assert self.process is not None
        code = self.process.poll()
        if code is not None:
            raise StartFailed(code, self.log_tail())
        if not self.read_addresses():
            return False
        return self.readyz() == 200

    def read_addresses(self) -> bool:
        """Takes the addresses from server.json, if this very process wrote it: a killed one leaves its own behind."""
        try:
            written = json.loads((self.data / "server.json").read_text())
        except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
            return False
        if written.get("pid") != self.pid:
            return False
        self.base_url = f"http://{written['listen']}"
        self.ops_url = f"http://{written['ops']}"
        return True

    def readyz(self) -> int | None:
        """The status of /readyz, or None when there is no answer."""
        try:
            with plain_client(timeout=10) as client:
                return client.get(self.ops_url + "/readyz").status_code
        except httpx.TransportError:
            return None

    def send_signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self, deadline_s: float = STOP_DEADLINE_S) -> int:
        """Waits for the end of the process; one that does not end is killed and reported."""
        assert self.process is not None
        try:
            return self.process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the server did not end within {deadline_s} s:\n{self.log_tail()}") from None

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ends the process the polite way and returns its exit code."""
        self.send_signal(number)
        return self.wait()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def log_tail(self, size: int = 4000) -> str:
        try:
            return self.log.read_bytes()[-size:].decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    # Command line

    def cli(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        """Runs `groundtruth ARGUMENTS --data DIR`; output is bytes."""
        return cli(*arguments, "--data", str(self.data), check=check)

    def cli_json(self, *arguments: str):
        return json.loads(self.cli(*arguments, "--json").stdout)

    def create_account(self, name: str = "Acme", email: str | None = None) -> Org:
        email = email or f"{os.urandom(8).hex()}@example.test"
        made = self.cli_json("account", "create", "--surface", "groundtruth", "--name", name, "--email", email)
        return Org(self, made["id"], made["api_key"])

    def stat(self) -> list[dict]:
        return self.cli_json("journal", "stat")["partitions"]

    def cat(self, topic: str, partition: int) -> list[bytes]:
        output = self.cli("journal", "cat", f"{topic}/{partition}").stdout
        assert output == b"" or output.endswith(b"\n"), "every commit ends its line"
        return output.split(b"\n")[:-1]

    def journal(self) -> list[Partition]:
        """Every partition with its accepted commits; from a running server as `journal cat` gets them."""
        if not self.running:
            return [self._partition(p, self.cat(p["topic"], p["partition"])) for p in self.stat()]
        with self.ops() as ops:
            return [self._partition(p, ops.get(f"/ops/journal/{p['topic']}/{p['partition']}").raise_for_status().content
                                    .split(b"\n")[:-1])
                    for p in ops.get("/ops/journal").raise_for_status().json()["partitions"]]

    @staticmethod
    def _partition(stat: dict, commits: list[bytes]) -> Partition:
        return Partition(stat["topic"], stat["partition"], stat["seq"], stat["id"], stat["orphans"], commits)

    def digest(self) -> tuple[list[dict], object]:
        """(journal positions, digest of all read models) taken while nothing was appended."""
        taken: list = []

        def attempt() -> bool:
            before = self.stat()
            digest = self.cli_json("projections", "digest")
            taken[:] = [before, digest]
            # A commit of the server's own (a key's last use) between the two would compare apples with pears.
            return self.stat() == before

        wait_for(attempt, "the journal stands still for the time of one digest")
        return taken[0], taken[1]

    def assert_rebuild_gives_same_digest(self) -> None:
        """Read models are a function of the journal: throwing them away and rebuilding changes nothing."""
        def attempt() -> bool:
            before, digest = self.digest()
            self.cli("projections", "rebuild")
            wait_for(lambda: self.readyz() == 200, "ready again after the rebuild", START_DEADLINE_S)
            after, rebuilt = self.digest()
            if after != before:
                return False  # something was appended meanwhile: these two say nothing about each other
            assert rebuilt == digest, "the rebuilt read models differ from those that grew"
            return True

        wait_for(attempt, "a rebuild while nothing is appended", 120)

    # HTTP

    @property
    def ops_token(self) -> str:
        return (self.data / "ops.token").read_text().strip()

    def ops(self) -> httpx.Client:
        return plain_client(base_url=self.ops_url, headers={"Authorization": f"Bearer {self.ops_token}"})

    def client(self, api_key: str | None = None, **headers: str) -> httpx.Client:
        """A client of the public listener; paths are given in full, /api/v1 included."""
        if api_key is not None:
            headers["Authorization"] = f"Bearer {api_key}"
        return plain_client(base_url=self.base_url, headers=headers)


class Org:
    """An organization with its first admin key, and the calls that most tests begin with."""

    def __init__(self, server: Server, id: str, api_key: str):
        self.server = server
        self.id = id
        self.api_key = api_key
        self._client: httpx.Client | None = None

    @property
    def http(self) -> httpx.Client:
        """The client with the admin key; made anew when the server has moved to another port."""
        if self._client is None or str(self._client.base_url).rstrip("/") != self.server.base_url:
            self.close()
            self._client = self.server.client(self.api_key)
        return self._client

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def create_task(self, idempotency_key: str | None = None, **changes) -> dict:
        headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        response = self.http.post("/api/v1/tasks", json=task_body(**changes), headers=headers)
        assert response.status_code == 201, response.text
        return response.json()

    def get_task(self, id: str) -> dict:
        response = self.http.get(f"/api/v1/tasks/{id}")
        assert response.status_code == 200, response.text
        return response.json()

    def create_key(self, *scopes: str, name: str = "extra", **extra) -> dict:
        response = self.http.post("/api/v1/api-keys", json={"name": name, "scopes": list(scopes), **extra})
        assert response.status_code == 201, response.text
        return response.json()

    def pay(self, task: dict) -> httpx.Response:
        """Pays the task on the local checkout page, as a person's browser would."""
        with self.server.client() as browser:
            return browser.post(checkout_path(task), data={"action": "pay"}, follow_redirects=True)

    def open_task(self, **changes) -> dict:
        """A task that is paid and open."""
        task = self.create_task(**changes)
        assert self.pay(task).status_code < 400
        return wait_for(lambda: (t := self.get_task(task["id"]))["status"] == "open" and t, "the paid task is open")

    def all_tasks(self, **parameters) -> list[dict]:
        """The whole list, by cursors."""
        tasks: list[dict] = []
        parameters = {"limit": 100, **parameters}
        while True:
            response = self.http.get("/api/v1/tasks", params=parameters)
            assert response.status_code == 200, response.text
            page = response.json()
            tasks += page["data"]
            cursor = page["pagination"]["next_cursor"]
            if cursor is None:
                return tasks
            parameters["cursor"] = cursor


def cli(*arguments: str, check: bool = True, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess:
    """Runs the binary to its end; with `check`, any exit code but 0 fails with what it said."""
    done = subprocess.run([str(BINARY), *arguments], capture_output=True, stdin=subprocess.DEVNULL,
                          timeout=CLI_DEADLINE_S, env={**os.environ, **(environment or {})})
    if check and done.returncode != 0:
        raise AssertionError(
            f"groundtruth {' '.join(arguments)} ended with {done.returncode}:\n"
            f"{done.stdout.decode('utf-8', 'replace')}\n{done.stderr.decode('utf-8', 'replace')}"
        )
    return done


# The request of the seed's own example.
SEED_BODY = {
    "title": "Record a busy street scene",
    "instructions": "Walk any public street for 30 s. Steady hand, no filters.",
    "modalities": ["video"],
    "reward_cents": 250,
    "target_submissions": 100,
}


def task_body(**changes) -> dict:
    """The seed's request with changes; a value of `...` leaves the field out."""
    return {name: value for name, value in {**SEED_BODY, **changes}.items() if value is not ...}


def checkout_path(task: dict) -> str:
    """Path and query of the funding URL: the host in it may be a public name that does not resolve here."""
    url = httpx.URL(task["funding_url"])
    assert url.is_absolute_url, task["funding_url"]
    return url.raw_path.decode()


def error_of(response: httpx.Response, status: int, code: str) -> dict:
    """Asserts the seed's error envelope, to the letter, and returns the details."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"].split(";")[0] == "application/json"
    body = response.json()
    assert list(body) == ["error"]
    assert list(body["error"]) == ["code", "message", "details"]
    assert body["error"]["code"] == code, response.text
    assert isinstance(body["error"]["message"], str) and body["error"]["message"]
    assert isinstance(body["error"]["details"], dict)
    return body["error"]["details"]
