"""The running binary as the measurements see it: start, stop, an account, its counters and its memory."""
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

from common import ROOT

RAW_INSERTS = ROOT / "build/release/tests/bench/raw_inserts"


class Service:
    """One `groundtruth serve --dev --no-rate-limits` on loopback, on ports of its own choice.

    `journal`: what its settings say of the journal; the embedded one if nothing. `arguments`: more of the command line."""

    def __init__(self, binary, data, fresh=True, journal=None, arguments=()):
        self.binary = str(binary)
        self.data = pathlib.Path(data)
        self.journal = journal
        self.arguments = list(arguments)
        if fresh:
            shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(parents=True, exist_ok=True)
        self.process = None
        self.listen = self.ops = ""
        self.ready_seconds = 0.0

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self, deadline_seconds=600):
        """Starts the binary; `ready_seconds` is the time from there to the first 200 of /readyz."""
        begin = time.monotonic()
        log = open(self.data.parent / (self.data.name + ".log"), "ab")
        self.process = subprocess.Popen(
            [self.binary, "serve", "--dev", "--no-rate-limits", "--listen", "127.0.0.1:0", "--ops", "127.0.0.1:0",
             "--data", str(self.data), *self._settings(), *self.arguments],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        while not self._ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"the service ended with {self.process.returncode}; see {log.name}")
            if time.monotonic() - begin > deadline_seconds:
                self.stop()
                raise RuntimeError(f"the service was not ready after {deadline_seconds} s; see {log.name}")
            time.sleep(0.005)
        self.ready_seconds = time.monotonic() - begin

    def _settings(self):
        if not self.journal:
            return []
        path = self.data.parent / (self.data.name + ".config.json")
        path.write_text(json.dumps({"journal": self.journal}))
        return ["--config", str(path)]

    def _ready(self):
        try:
            about = json.loads((self.data / "server.json").read_text())
            if about["pid"] != self.process.pid:
                return False
            self.listen, self.ops = about["listen"], about["ops"]
            return request(self.ops, "GET", "/readyz")[0] == 200
        except (OSError, ValueError, KeyError, http.client.HTTPException):
            return False

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise RuntimeError("the service did not stop within 60 s of SIGTERM") from None
        if status != 0:
            raise RuntimeError(f"the service ended with {status}")

    def command(self, *arguments):
        return subprocess.run([self.binary, *arguments, "--data", str(self.data)], check=True, text=True,
                              capture_output=True).stdout

    def account(self):
        """A new organization; its admin key."""
        out = self.command("account", "create", "--surface", "groundtruth", "--name", "Bench", "--email",
                           f"bench-{time.time_ns()}@example.com", "--json")
        # The answer also shows the key's public prefix; the key is the longest word of that shape.
        return max(re.findall(r"gt_sk_[A-Za-z0-9_-]*", out), key=len)

    def metric(self, name):
        """A counter, summed over its labels; 0.0 where the service does not have it."""
        token = (self.data / "ops.token").read_text().strip()
        text = request(self.ops, "GET", "/metrics", {"Authorization": "Bearer " + token})[1].decode()
        return sum(float(value) for value in
                   re.findall(r"^" + re.escape(name) + r"(?:\{[^}]*\})? ([0-9.eE+-]+)", text, re.M))

    def memory_mib(self):
        """Resident memory now and at its highest."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return tuple(int(re.search(rf"^{field}:\s+(\d+) kB", status, re.M)[1]) / 1024 for field in ("VmRSS", "VmHWM"))

    def tasks(self, key):
        """All tasks of the key's organization, page by page, as (id, cursor that followed the page)."""
        connection = http.client.HTTPConnection(self.listen, timeout=30)
        headers = {"Authorization": "Bearer " + key}
        cursor = None
        try:
            while True:
                path = "/api/v1/tasks?per_page=100" + (f"&cursor={cursor}" if cursor else "")
                connection.request("GET", path, headers=headers)
                response = connection.getresponse()
                body = response.read()
                if response.status != 200:
                    raise RuntimeError(f"GET {path}: {response.status} {body[:200]!r}")
                page = json.loads(body)
                cursor = page["pagination"].get("next_cursor")
                for task in page["data"]:
                    yield task["id"], cursor
                if not cursor:
                    return
        finally:
            connection.close()


def request(address, method, path, headers=None, body=None):
    connection = http.client.HTTPConnection(address, timeout=30)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def raw_inserts(data):
    """What copying the rows of a stopped service's read models by prepared inserts takes: rows, seconds, rows_per_second."""
    done = subprocess.run([str(RAW_INSERTS), str(data)], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def disk_mib(directory):
    return sum(os.path.getsize(path) for path in pathlib.Path(directory).rglob("*") if path.is_file()) / 2**20
