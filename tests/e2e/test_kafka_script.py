"""scripts/kafka: brokers that come up, keep what they were given through kill -9, and take over from one another."""
from __future__ import annotations

import os
import subprocess

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from harness import wait_for
from kafka_cluster import KafkaCluster

pytestmark = pytest.mark.slow

TOPIC = "records"
DEADLINE_S = 60


def create_topic(cluster: KafkaCluster) -> None:
    admin = AdminClient(cluster.client())
    admin.create_topics([NewTopic(TOPIC, num_partitions=1)])[TOPIC].result(DEADLINE_S)


def produce(producer: Producer, value: bytes) -> None:
    """Returns when all replicas in sync have the record."""
    failures: list = []
    producer.produce(TOPIC, value, partition=0, on_delivery=lambda error, _: error and failures.append(error))
    assert producer.flush(DEADLINE_S) == 0, "no answer to a record"
    assert not failures, failures


def new_producer(cluster: KafkaCluster) -> Producer:
    return Producer(cluster.client(**{"acks": "all", "enable.idempotence": True}))


def read(cluster: KafkaCluster) -> list[str]:
    """Offset and value of every record, as another client sees them."""
    return subprocess.run(["kcat", "-C", "-e", "-q", "-b", cluster.brokers, "-t", TOPIC, "-p", "0", "-o", "beginning",
                           "-f", "%o %s\n"], check=True, capture_output=True, text=True,
                          timeout=DEADLINE_S).stdout.splitlines()


def leader(cluster: KafkaCluster) -> int:
    return AdminClient(cluster.client()).list_topics(TOPIC, DEADLINE_S).topics[TOPIC].partitions[0].leader


def topic_setting(cluster: KafkaCluster, name: str) -> str:
    resource = ConfigResource(ResourceType.TOPIC, TOPIC)
    admin = AdminClient(cluster.client())  # by name: its answers die with it

    def ask() -> str | None:
        """Any broker answers, one that has not heard of a new topic yet, too."""
        try:
            return admin.describe_configs([resource])[resource].result(DEADLINE_S)[name].value
        except KafkaException as refused:
            if refused.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise
            return None

    return wait_for(ask, "a broker knows the topic", DEADLINE_S)


def states(cluster: KafkaCluster) -> tuple[int, list[str]]:
    """Exit code and last column of `status`."""
    done = cluster.run("status", check=False)
    return done.returncode, [line.split()[-1] for line in done.stdout.splitlines()[1:]]


def test_one_broker_keeps_its_records_through_a_kill(tmp_path):
    with KafkaCluster(1, tmp_path / "kafka") as cluster:
        brokers = cluster.brokers
        create_topic(cluster)
        produce(new_producer(cluster), b"first")
        assert read(cluster) == ["0 first"]

        cluster.kill(1)
        assert states(cluster) == (1, ["down"])
        cluster.start(1)
        assert states(cluster) == (0, ["running"])
        assert cluster.brokers == brokers
        assert read(cluster) == ["0 first"]

        produce(new_producer(cluster), b"second")
        cluster.stop()
        cluster.start()
        assert cluster.brokers == brokers
        assert read(cluster) == ["0 first", "1 second"]


def test_up_and_down_twice(tmp_path):
    cluster = KafkaCluster(1, tmp_path / "kafka", durable=True)
    assert "does not run" in cluster.run("down").stdout
    with cluster:
        pid = cluster.pid(1)
        again = cluster.run("up")
        assert "runs already" in again.stdout
        assert f"--brokers {cluster.brokers}" in again.stdout
        assert cluster.pid(1) == pid
        create_topic(cluster)
        assert topic_setting(cluster, "flush.messages") == "1"

        # What `up` may not change, it refuses and leaves as it is.
        assert cluster.run("up", "--nodes", "3", check=False).returncode == 1
        assert cluster.pid(1) == pid

        cluster.stop()
        assert states(cluster) == (1, ["down"])
        assert "does not run" in cluster.run("down").stdout


def test_an_id_left_behind_is_not_trusted(tmp_path):
    with KafkaCluster(1, tmp_path / "kafka") as cluster:
        cluster.kill(1)
        # As after a restart of the machine, when the broker's id went to somebody else: this very process.
        (cluster.directory / "node-1" / "pid").write_text(f"{os.getpid()}\n")
        assert states(cluster) == (1, ["down"])
        assert cluster.run("pid", "1", check=False).returncode == 1
        cluster.kill(1)
        cluster.stop()
        cluster.start()
        assert cluster.pid(1) != os.getpid()


def test_three_brokers_go_on_without_their_leader(tmp_path):
    with KafkaCluster(3, tmp_path / "kafka") as cluster:
        create_topic(cluster)
        assert topic_setting(cluster, "min.insync.replicas") == "2"
        assert topic_setting(cluster, "unclean.leader.election.enable") == "false"
        producer = new_producer(cluster)
        produce(producer, b"with all")

        killed = leader(cluster)
        cluster.kill(killed)
        produce(producer, b"without one")
        # Any broker may be asked, and one may hear of the new leader after the other.
        wait_for(lambda: leader(cluster) not in (killed, -1), "the broker asked names the new leader")
        assert states(cluster)[1].count("running") == 2

        cluster.start(killed)
        assert states(cluster) == (0, ["running"] * 3)
        produce(producer, b"with all again")
        assert read(cluster) == ["0 with all", "1 without one", "2 with all again"]
