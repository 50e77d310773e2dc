"""Three nodes on three brokers under load, while nodes and brokers are killed, frozen and stopped: every request that was
acknowledged has happened once, whoever answered it, and all nodes agree in the end."""
from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
from confluent_kafka.admin import AdminClient

from harness import REPOSITORY, Org, Server, cli, plain_client, task_body, wait_for
from kafka_cluster import KafkaCluster, alone
from tcp_proxy import TcpProxy
from test_crash import Sent, check_after_restart, check_everything_once
from test_kafka import DEADLINE_S, heads, new_seed, on_kafka  # noqa: F401 - a fixture

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("nodes")]
NODES = 3
REQUEST_TIMEOUT_S = 4
FROZEN_S = float(os.environ.get("GROUNDTRUTH_FROZEN_S", "30"))
UNKNOWN = (503, 504)  # surely not, or not known: neither is a broken promise


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[KafkaCluster]:
    with (alone(tmp_path_factory.getbasetemp()),
          KafkaCluster(3, tmp_path_factory.mktemp("kafka"), listeners=("PROXIED",)) as cluster):
        yield cluster


@pytest.fixture
def network(cluster) -> Iterator[TcpProxy]:
    """Between the last node and the brokers."""
    told = [int(address.rsplit(":", 1)[1]) for address in cluster.brokers_of("PROXIED").split(",")]
    with TcpProxy({port: port + 10_000 for port in told}) as proxy:
        yield proxy


@pytest.fixture
def nodes(network, fresh_server, on_kafka, cluster, tmp_path) -> list[Server]:  # noqa: F811
    """Of one journal with three replicas; they share the master key, as an operator would copy it. The network comes first,
    so that it goes last: nodes are looked at once more at the end."""
    on_kafka["media"] = {"folder": str(tmp_path / "media")}
    on_kafka["internal"] = {"listen": "127.0.0.1:0"}
    config = tmp_path / "cluster.json"
    config.write_text(json.dumps(on_kafka))
    cli("journal", "init", "--config", str(config), "--data", str(tmp_path / "init"))
    far = {**on_kafka, "journal": {**on_kafka["journal"], "brokers": cluster.brokers_of("PROXIED")}}
    made = [fresh_server(settings=each, start=False) for each in [*[on_kafka] * (NODES - 1), far]]
    made[0].start()
    for node in made[1:]:
        shutil.copy(made[0].data / "master.key", node.data / "master.key")
        node.start()
    return made


class RoamingLoad:
    """Clients that ask any node, and another one after an answer that did not come, remembering all that was asked."""

    def __init__(self, org: Org, nodes: list[Server], seed: int, threads: int = 4):
        self._org, self._nodes = org, nodes
        self._changed = threading.Condition()
        self._over = threading.Event()
        self._acknowledged = [0] * len(nodes)
        self._threads = [threading.Thread(target=self._run, args=(n, random.Random(seed + n))) for n in range(threads)]
        self.sent: list[Sent] = []
        self.failures: list[str] = []

    def __enter__(self) -> RoamingLoad:
        for node in self._nodes:  # made at one of them a moment ago
            with node.client(self._org.api_key) as client:
                wait_for(lambda: client.get("/api/v1/tasks").status_code == 200, "every node knows the key", DEADLINE_S)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    @property
    def shares(self) -> list[int]:
        with self._changed:
            return list(self._acknowledged)

    def more(self, count: int, at: int | None = None) -> float:
        """Waits for so many more acknowledged requests, of one node or of all, and says how many seconds it took."""
        def value() -> int:
            return sum(self._acknowledged) if at is None else self._acknowledged[at]

        began = time.monotonic()
        with self._changed:
            wanted = value() + count
            assert self._changed.wait_for(lambda: value() >= wanted or self.failures, DEADLINE_S), "no progress"
        return time.monotonic() - began

    def _run(self, thread: int, generator: random.Random) -> None:
        number = 0
        with plain_client(timeout=REQUEST_TIMEOUT_S, headers={"Authorization": f"Bearer {self._org.api_key}"}) as client:
            while not self._over.is_set():
                key = f"t{thread}-{number}"
                number += 1
                created = self._send(client, generator, Sent(key, "/api/v1/tasks", task_body(title=key)), 201, None)
                if created is not None and number % 3 == 0:
                    path = f"/api/v1/tasks/{created.json()['id']}/cancel"
                    self._send(client, generator, Sent(f"{key}-cancel", path, {}), 200, created)

    def _send(self, client: httpx.Client, generator: random.Random, sent: Sent, expected: int,
              before: httpx.Response | None) -> httpx.Response | None:
        index = generator.randrange(len(self._nodes))
        headers = {"Idempotency-Key": sent.key}
        if before is not None:
            headers["Journal-Position"] = before.headers["Journal-Position"]
        with self._changed:
            self.sent.append(sent)
        try:
            answer = client.post(self._nodes[index].base_url + sent.path, json=sent.body, headers=headers)
        except httpx.TransportError:
            return None
        with self._changed:
            if answer.status_code == expected:
                sent.answer = answer
                self._acknowledged[index] += 1
            elif answer.status_code not in UNKNOWN:
                self.failures.append(f"{sent.key}: {answer.status_code} {answer.text}")
            self._changed.notify_all()
        if answer.status_code in UNKNOWN:
            self._over.wait(int(answer.headers.get("Retry-After", "1")))  # as it asks for
        return answer if answer.status_code == expected else None


def leader_of(cluster: KafkaCluster, topic: str, partition: int) -> int:
    return AdminClient(cluster.client()).list_topics(topic, DEADLINE_S).topics[topic].partitions[partition].leader


def counts(node: Server, name: str) -> list[float]:
    with plain_client() as client:
        lines = client.get(node.ops_url + "/metrics").raise_for_status().text.splitlines()
    return [float(line.rsplit(" ", 1)[1]) for line in lines if re.match(name + r"[{ ]", line)]


def agree(nodes: list[Server]) -> bool:
    """All stand at the same heads and have made the same of them."""
    first, *others = [(heads(node), node.digest()[1]) for node in nodes]  # each counts the orphans that it saw
    return all(each == first for each in others)


def heads_from_outside(cluster: KafkaCluster, prefix: str) -> dict[str, str]:
    """What a reader that knows nothing of this system but the chain rule takes for the heads."""
    topics = [prefix + topic for topic in ("tasks", "engagements", "workers", "runs", "deliveries")]
    reader = subprocess.run([sys.executable, REPOSITORY / "scripts" / "read-journal", cluster.brokers, *topics], text=True,
                            capture_output=True, timeout=DEADLINE_S, check=True)
    return {line.split(":")[0].removeprefix(prefix): line.rsplit(" ", 1)[1]
            for line in reader.stderr.splitlines() if "commits, head" in line}


def check_all(org: Org, nodes: list[Server], load: RoamingLoad, cluster: KafkaCluster, prefix: str) -> None:
    assert not load.failures, load.failures
    for node in nodes:
        wait_for(lambda: node.readyz() == 200, "every node is ready", DEADLINE_S)
    org.server = nodes[-1]
    unanswered = sum(one.answer is None for one in load.sent)
    wait_for(lambda: heads(nodes[0]) == heads(nodes[-1]), "the nodes are level", DEADLINE_S)
    check_after_restart(org, load.sent)
    check_everything_once(org, load.sent)
    wait_for(lambda: agree(nodes), "all nodes agree", DEADLINE_S)
    # Who is preferred announces it in chains that nobody else writes: what came while they were read is read again.
    wait_for(lambda: heads_from_outside(cluster, prefix) == heads(nodes[0]), "an outsider reads the same", DEADLINE_S)
    orphans = sum(each["orphans"] for each in nodes[0].stat())
    handed = [counts(node, "groundtruth_handed_commands_total") for node in nodes]
    print(f"{len(load.sent)} requests, {unanswered} without an answer; acknowledged by node {load.shares}; {orphans} orphans; "
          f"handed over since the last start: {handed}")


def test_nodes_that_are_killed_and_frozen(nodes, make_org, cluster, on_kafka):  # noqa: F811
    generator = new_seed()
    org = make_org(nodes[0])
    with RoamingLoad(org, nodes, generator.randrange(2**31)) as load:
        for index in range(NODES):
            load.more(20, at=index)  # every node takes commands of the same account
        # All but the one that writes its chain hand them over; and that one too, where it became so under the load.
        wait_for(lambda: sum(counts(node, "groundtruth_handed_commands_total")[0] > 0 for node in nodes) >= NODES - 1,
                 "commands are handed over", DEADLINE_S)
        for _ in range(2):
            victim = generator.randrange(NODES)
            nodes[victim].kill()
            print(f"a node was killed: 50 more after {load.more(50):.1f} s")
            nodes[victim].start()
            print(f"it is back: 20 of its own after {load.more(20, at=victim):.1f} s")
        victim = generator.randrange(NODES)
        nodes[victim].send_signal(signal.SIGSTOP)
        print(f"a node was frozen: 50 more after {load.more(50):.1f} s")
        time.sleep(FROZEN_S)  # not synchronisation: how long a zombie is away
        nodes[victim].send_signal(signal.SIGCONT)
        print(f"it goes on: 20 of its own after {load.more(20, at=victim):.1f} s")
    check_all(org, nodes, load, cluster, on_kafka["journal"]["topic_prefix"])


def test_a_node_that_is_cut_off(nodes, network, make_org, cluster, on_kafka):  # noqa: F811
    generator = new_seed()
    org = make_org(nodes[0])
    task = org.create_task(idempotency_key="before", title="before")
    far = nodes[-1]
    with RoamingLoad(org, nodes, generator.randrange(2**31)) as load:
        load.more(20, at=NODES - 1)
        network.cut()
        print(f"a node was cut off: 50 more after {load.more(50):.1f} s")
        wait_for(lambda: far.readyz() == 503, "the node says that it cannot write", DEADLINE_S)
        org.server = far
        assert org.get_task(task["id"]) == task
        refused = org.http.post("/api/v1/tasks", json=task_body(title="refused"))
        assert refused.status_code == 503 and int(refused.headers["Retry-After"]) > 0, refused.text
        load.more(50)
        network.heal()
        print(f"it is there again: 20 of its own after {load.more(20, at=NODES - 1):.1f} s")
    load.sent.append(Sent("before", "/api/v1/tasks", task_body(title="before")))
    check_all(org, nodes, load, cluster, on_kafka["journal"]["topic_prefix"])


def test_brokers_that_are_killed_and_stopped(nodes, make_org, cluster, on_kafka):  # noqa: F811
    prefix = on_kafka["journal"]["topic_prefix"]
    generator = new_seed()
    org = make_org(nodes[0])
    before = Sent("before", "/api/v1/tasks", task_body(title="before"))
    before.answer = before.post(org.http)
    with RoamingLoad(org, nodes, generator.randrange(2**31)) as load:
        load.sent.append(before)
        load.more(50)
        partition = int(before.answer.headers["Journal-Position"].split(".")[1])
        leader = leader_of(cluster, prefix + "tasks", partition)
        cluster.kill(leader)
        print(f"the leader was killed: 50 more after {load.more(50):.1f} s")
        cluster.start(leader)
        load.more(50)
        cluster.stop()
        for node in nodes:
            wait_for(lambda: node.readyz() == 503, "every node says that it cannot write", DEADLINE_S)
            org.server = node
            assert org.get_task(before.answer.json()["id"])["title"] == "before"
            refused = org.http.post("/api/v1/tasks", json=task_body(title="refused"))
            assert refused.status_code == 503 and int(refused.headers["Retry-After"]) > 0, refused.text
        cluster.start()
        print(f"all brokers were stopped and came back: 50 more after {load.more(50):.1f} s")
    check_all(org, nodes, load, cluster, prefix)
