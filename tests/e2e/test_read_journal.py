"""scripts/read-journal: the chain rule from the outside, on a real broker and a chain that others have disturbed."""
from __future__ import annotations

import json
import subprocess
import sys

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from chain import ZEROS, commit_id
from harness import REPOSITORY
from kafka_cluster import KafkaCluster

pytestmark = pytest.mark.slow
DEADLINE_S = 120


def record(seq: int, prev: str, word: str) -> bytes:
    events = [{"stream": "s", "version": seq + 1, "type": word, "schema": 1, "data": {}}]
    return b'{"seq":%d,"prev":"%s",' % (seq, prev.encode()) + b'"events":' + json.dumps(events).encode() + b"}"


def read(cluster: KafkaCluster) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, REPOSITORY / "scripts" / "read-journal", cluster.brokers], text=True,
                          capture_output=True, timeout=DEADLINE_S, check=False)


def test_what_is_accepted_is_printed_and_the_rest_is_counted(tmp_path):
    with KafkaCluster(1, tmp_path / "kafka") as cluster:
        admin = AdminClient(cluster.client())
        admin.create_topics([NewTopic("tasks", num_partitions=2)])["tasks"].result(DEADLINE_S)
        genesis = record(0, ZEROS, "begun")
        first = record(1, commit_id(genesis), "first")
        second = record(2, commit_id(first), "second")
        late = record(1, commit_id(genesis), "late")
        log = [genesis, genesis, first, late, b"no record at all", record(3, commit_id(first), "skips"), first, second]
        producer = Producer(cluster.client(acks="all"))
        for value in log:
            producer.produce("tasks", value, partition=1)
        producer.produce("tasks", genesis, partition=0)
        assert producer.flush(DEADLINE_S) == 0

        done = read(cluster)
        assert done.returncode == 0, done.stderr
        events = [json.loads(line) for line in done.stdout.splitlines()]
        assert [(event["at"], event["type"]) for event in events] == [
            ("tasks/0/0", "begun"), ("tasks/1/0", "begun"), ("tasks/1/1", "first"), ("tasks/1/2", "second")]
        assert f"tasks/1: 3 commits, head {commit_id(second)}" in done.stderr
        assert "5 orphans" in done.stderr
