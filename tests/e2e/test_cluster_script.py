"""scripts/cluster: a whole installation, through which the demo goes while nodes and brokers are killed."""
from __future__ import annotations

import json
import os
import pathlib
import random
import socket
import subprocess
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from harness import BINARY, REPOSITORY, cli, plain_client, task_body, wait_for
from kafka_cluster import alone
from test_kafka import new_seed

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster_script")]
SCRIPT = REPOSITORY / "scripts" / "cluster"
KAFKA = REPOSITORY / "scripts" / "kafka"
DEADLINE_S = 300


def free_port(generator: random.Random) -> int:
    """A proxy's port such that those that follow from it are free, too."""
    while True:
        port = generator.randrange(20000, 30000, 50)
        sockets = []
        try:
            for each in (port, *(port + 10 * n + k for n in (1, 2, 3) for k in (0, 1, 2)), *range(port + 1112, port + 1118)):
                sockets.append(socket.socket())
                sockets[-1].bind(("127.0.0.1", each))
            return port
        except OSError:
            continue
        finally:
            for each in sockets:
                each.close()


def run(script: pathlib.Path, *arguments: str, data: pathlib.Path, check: bool = True) -> subprocess.CompletedProcess:
    done = subprocess.run([script, *arguments, "--data", data], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          timeout=DEADLINE_S, env=environment())
    assert not check or done.returncode == 0, f"{script.name} {arguments}: {done.stdout}\n{done.stderr}"
    return done


def environment() -> dict[str, str]:
    return {**os.environ, "GROUNDTRUTH_BINARY": str(BINARY)}


@pytest.fixture(scope="module")
def generator() -> random.Random:
    return new_seed()


@pytest.fixture(scope="module")
def data(tmp_path_factory, generator) -> Iterator[pathlib.Path]:
    data = tmp_path_factory.mktemp("cluster")
    with alone(tmp_path_factory.getbasetemp()):
        try:
            run(SCRIPT, "up", "--port", str(free_port(generator)), data=data)
            yield data
        finally:
            run(SCRIPT, "down", data=data, check=False)


def play_while(data: pathlib.Path, generator: random.Random, hurt) -> None:
    demo = subprocess.Popen([SCRIPT, "demo", "--data", data], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            stdin=subprocess.DEVNULL, env=environment())
    time.sleep(generator.random() * 1.5)  # not synchronisation: the random place in the story
    hurt()
    said = demo.communicate(timeout=DEADLINE_S)[0]
    assert demo.returncode == 0, said
    assert "All of it went as it should" in said


def test_the_demo_through_the_proxy_while_a_node_and_a_broker_die(data, generator):
    assert run(SCRIPT, "status", data=data).stdout.count("ready, process") == 3
    play_while(data, generator, lambda: run(SCRIPT, "kill", "3", data=data))
    assert "node 3" in run(SCRIPT, "status", data=data, check=False).stdout
    run(SCRIPT, "start", "3", data=data)
    play_while(data, generator, lambda: run(KAFKA, "kill", "2", data=data / "kafka"))
    run(KAFKA, "start", "2", data=data / "kafka")
    play_while(data, generator, lambda: run(SCRIPT, "stop", "2", data=data))
    # A second `up` mends what is missing.
    run(SCRIPT, "up", data=data)
    assert run(SCRIPT, "status", data=data).returncode == 0


class SteadyLoad:
    """Clients of one account each that make a task after the other through the proxy, and repeat nothing: whatever is not a
    201 stands in `failures`."""

    def __init__(self, data: pathlib.Path, threads: int = 4):
        self._data = data
        self._port = dict(line.split("=", 1) for line in (data / "cluster.env").read_text().splitlines())["PORT"]
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(self._new_key(n),)) for n in range(threads)]
        self._lock = threading.Lock()
        self.made: list[str] = []
        self.failures: list[str] = []

    def _new_key(self, number: int) -> str:
        made = cli("account", "create", "--surface", "groundtruth", "--name", "Acme", "--email",
                   f"{number}-{os.urandom(4).hex()}@example.test", "--data", str(self._data / "node-1" / "data"), "--json")
        return json.loads(made.stdout)["api_key"]

    def __enter__(self) -> SteadyLoad:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def more(self, count: int) -> None:
        wanted = len(self.made) + count
        wait_for(lambda: len(self.made) >= wanted or self.failures, "more requests are answered", DEADLINE_S)

    def _run(self, key: str) -> None:
        with plain_client(base_url=f"http://127.0.0.1:{self._port}", headers={"Authorization": f"Bearer {key}"}) as client:
            while not self._over.wait(0.1):  # within the limits of a key
                try:
                    answer = client.post("/api/v1/tasks", json=task_body(title="while nodes are restarted"))
                    said = None if answer.status_code == 201 else f"{answer.status_code} {answer.text}"
                except httpx.TransportError as failure:
                    said = repr(failure)
                with self._lock:
                    if said is None:
                        self.made.append(answer.json()["id"])
                    else:
                        self.failures.append(said)


def test_restarts_of_one_node_after_the_other_lose_no_request(data):
    run(SCRIPT, "up", data=data)
    with SteadyLoad(data) as load:
        load.more(20)
        for node in ("1", "2", "3"):
            run(SCRIPT, "stop", node, data=data)
            load.more(20)
            run(SCRIPT, "start", node, data=data)
            load.more(20)
    assert not load.failures, load.failures
    assert len(set(load.made)) == len(load.made)
    print(f"{len(load.made)} requests")
