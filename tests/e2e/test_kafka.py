"""The same system on a real Kafka: the demo, kills of the server and of the broker, and moving there and back."""
from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

import chain
import workers
from harness import REPOSITORY, StartFailed, cli, plain_client, wait_for
from kafka_cluster import KafkaCluster
from test_collector import SHORT, image_task, picture, stored_in
from test_crash import Load, check_after_restart, kill_again_and_again

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("kafka")]
DEADLINE_S = 120
ROUNDS = int(os.environ.get("GROUNDTRUTH_KAFKA_ROUNDS", "3"))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[KafkaCluster]:
    """One broker for the tests of this file; each brings topics of its own by a prefix."""
    with KafkaCluster(1, tmp_path_factory.mktemp("kafka")) as cluster:
        yield cluster


@pytest.fixture
def on_kafka(cluster, request):
    """Settings for a server whose journal is on the cluster, under topics of this test."""
    prefix = re.sub("[^a-z0-9]+", "-", request.node.name) + "."
    return {"journal": {"kind": "kafka", "brokers": cluster.brokers, "topic_prefix": prefix}}


def new_seed() -> random.Random:
    seed = int(os.environ.get("GROUNDTRUTH_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
    print(f"GROUNDTRUTH_SEED={seed}")
    return random.Random(seed)


def heads(server) -> dict[str, str]:
    return {f"{each['topic']}/{each['partition']}": each["id"] for each in server.stat()}


def test_the_demo_and_a_reader_from_outside(cluster, fresh_server):
    server = fresh_server(settings={"journal": {"kind": "kafka", "brokers": cluster.brokers}})
    done = server.cli("demo")
    assert b"All of it went as it should" in done.stdout
    reader = subprocess.run([sys.executable, REPOSITORY / "scripts" / "read-journal", cluster.brokers], text=True,
                            capture_output=True, timeout=DEADLINE_S, check=True)
    read = {line.split(":")[0]: line.rsplit(" ", 1)[1] for line in reader.stderr.splitlines() if "commits, head" in line}
    assert read == heads(server)
    events = [json.loads(line) for line in reader.stdout.splitlines()]
    assert sum(event["type"] == "submission.approved" for event in events) == 1
    # Read models that are gone come back from the topics.
    before = server.digest()
    server.stop()
    for file in (server.data / "read_models").iterdir():
        file.unlink()
    server.start()
    assert server.digest() == before


def test_the_suite_of_every_journal(cluster):
    """What the unit tests ask of each implementation, and of this one on librdkafka's mock, on real brokers."""
    program = REPOSITORY / "build" / "release" / "tests" / "unit" / "unit_journal"
    done = subprocess.run([program, "--no-colors", "-tc=*kafka*"], text=True, capture_output=True, timeout=3 * DEADLINE_S,
                          env={**os.environ, "GROUNDTRUTH_TEST_BROKERS": cluster.brokers}, check=False)
    assert done.returncode == 0, done.stdout[-10_000:]


def test_what_librdkafka_counts(fresh_server, make_org, on_kafka, cluster):
    on_kafka["journal"]["stats_interval_ms"] = 200
    server = fresh_server(settings=on_kafka)
    org = make_org(server)
    sent = 'groundtruth_kafka_sent_messages_total{client="producer"}'

    def series() -> dict[str, float]:
        with plain_client() as client:
            lines = client.get(server.ops_url + "/metrics").raise_for_status().text.splitlines()
        named = (line.rsplit(" ", 1) for line in lines if line.startswith("groundtruth_kafka_"))
        return {name: float(value) for name, value in named}

    def of_broker(name: str, client: str) -> str:
        return f'groundtruth_kafka_broker_{name}{{client="{client}",broker="{cluster.brokers}"}}'

    def has_each(now: dict[str, float]) -> bool:
        return (all(now.get(f'groundtruth_kafka_clients{{client="{role}"}}') == 1
                    for role in ("producer", "follower", "control"))
                and now.get('groundtruth_kafka_fetching_partitions{client="follower"}') == 80
                and now.get('groundtruth_kafka_max_lag_messages{client="follower"}') == 0
                and 0 < now.get(of_broker("rtt_avg_seconds", "follower"), 0) < 60)

    before = wait_for(lambda: has_each(now := series()) and now[sent] > 0 and now,
                      "the statistics of all clients are there", DEADLINE_S)
    org.create_task()
    after = wait_for(lambda: (now := series())[sent] > before[sent] and now, "they show the task", DEADLINE_S)
    for name in ("requests_total", "sent_bytes_total", "received_bytes_total"):
        assert after[of_broker(name, "producer")] > before[of_broker(name, "producer")], name
    assert after[of_broker("connects_total", "producer")] >= 1


def test_a_killed_server(fresh_server, make_org, on_kafka):
    kill_again_and_again(make_org(fresh_server(settings=on_kafka)), new_seed(), rounds=ROUNDS, most=200)


def test_a_killed_broker(fresh_server, make_org, on_kafka, cluster):
    """Reads go on without it; writes wait, or say that nothing is known. Afterwards each request has happened once."""
    generator = new_seed()
    server = fresh_server(settings=on_kafka)
    org = make_org(server)
    task = org.create_task(title="before")
    for round in range(ROUNDS):
        with Load(org, round, unknown=(503, 504)) as load:
            load.wait_for_acknowledged(generator.randrange(1, 200))
            cluster.kill(1)
            assert org.get_task(task["id"]) == task
            wait_for(lambda: server.readyz() == 503, "the server says that it cannot write", DEADLINE_S)
            refused = org.http.post("/api/v1/tasks", json=dict(task_of(task), title="refused"))
            assert refused.status_code == 503 and int(refused.headers["Retry-After"]) > 0, refused.text
            cluster.start(1)
            wait_for(lambda: server.readyz() == 200, "the server writes again", DEADLINE_S)
        assert not load.failures, load.failures
        check_after_restart(org, load.sent)
    assert "refused" not in [each["title"] for each in org.all_tasks()]
    chain.check_journal(server.journal())
    server.assert_rebuild_gives_same_digest()


def task_of(task: dict) -> dict:
    return {name: task[name] for name in ("title", "instructions", "modalities", "reward_cents", "target_submissions")}


def test_moving_to_kafka_and_back(fresh_server, make_org, on_kafka, cluster, tmp_path):
    server = fresh_server()
    org = make_org(server)
    tasks = [org.create_task(title=f"task {n}") for n in range(20)]
    digest, journal = server.digest(), server.journal()
    config = tmp_path / "kafka.json"
    config.write_text(json.dumps(on_kafka))
    copy = ["journal", "copy", "--config", str(config), "--dev", "--json"]
    running = cli(*copy, "--from", f"sqlite:{server.data}", "--to", f"kafka:{cluster.brokers}", check=False)
    assert running.returncode != 0 and b"stop it first" in running.stderr
    server.stop()
    server.damaged = True  # its journal is elsewhere from now on, and its read models go with that one

    there = json.loads(cli(*copy, "--from", f"sqlite:{server.data}", "--to", f"kafka:{cluster.brokers}").stdout)
    assert there["commits"] == sum(len(each.commits) for each in journal)
    assert there["appended"] == there["records"]
    again = json.loads(cli(*copy, "--from", f"sqlite:{server.data}", "--to", f"kafka:{cluster.brokers}").stdout)
    assert there["keys"] > 0 and again == there | {"appended": 0, "keys": 0}

    # The same directory, its journal elsewhere: not even the read models are made anew.
    moved = fresh_server(settings=on_kafka, data=server.data)
    assert moved.journal() == journal
    assert moved.digest()[1] == digest[1]
    org.server = moved
    assert org.all_tasks() == tasks[::-1]
    tasks.append(org.create_task(title="on Kafka"))
    journal = moved.journal()
    moved.stop()

    back = tmp_path / "back"
    cli(*copy, "--from", f"kafka:{cluster.brokers}", "--to", f"sqlite:{back}")
    shutil.copy(server.data / "master.key", back / "master.key")  # with its mode
    home = fresh_server(data=back)
    assert home.journal() == journal
    org.server = home
    assert org.all_tasks() == tasks[::-1]

    # Both go their own ways from here: neither is a copy of the other any more.
    org.create_task(title="at home")
    home.stop()
    moved.start()
    org.server = moved
    org.create_task(title="on Kafka again")
    moved.stop()
    refused = cli(*copy, "--from", f"sqlite:{back}", "--to", f"kafka:{cluster.brokers}", check=False)
    assert refused.returncode != 0 and b"no copy" in refused.stderr, refused.stderr
    home.start()
    moved.start()


def test_media_that_nobody_names_goes_whatever_node_is_left(fresh_server, make_org, make_worker, on_kafka, tmp_path):
    media = tmp_path / "media"
    settings = {**on_kafka, **SHORT, "media": {"folder": str(media)}}
    first = fresh_server(settings=settings)
    second = fresh_server(settings=settings, start=False)
    shutil.copy(first.data / "master.key", second.data / "master.key")
    second.start()  # before the uploads: a look that still finds the lease waits for its end
    org, kept, gone = make_org(first), make_worker(first), make_worker(first)
    task = image_task(org)
    named, forgotten, left = picture(61), picture(62), picture(63)
    for worker in (kept, gone):
        worker.accept(task)
    upload = kept.upload(task, named, "image/png")
    kept.upload(task, forgotten, "image/png")
    gone.upload(task, left, "image/png")
    assert stored_in(media) == {workers.sha256(content) for content in (named, forgotten, left)}
    kept.prove(task, uploads=[upload])
    wait_for(lambda: heads(second) == heads(first), "the second node has all of it", DEADLINE_S)
    gone.server = second
    assert gone.post(task, "release").status_code == 200
    wait_for(lambda: stored_in(media) == {workers.sha256(named)}, "what nobody names is gone", DEADLINE_S)
    first.kill()
    # The same bytes again, under another lease.
    gone.accept(task)
    gone.upload(task, left, "image/png")
    assert workers.sha256(left) in stored_in(media)
    assert gone.post(task, "release").status_code == 200
    wait_for(lambda: stored_in(media) == {workers.sha256(named)}, "it is gone again", DEADLINE_S)
    org.server = second
    submission = workers.submissions(org, task, status="pending")[0]
    url = org.http.get(f"/api/v1/submissions/{submission['id']}").json()["media"][0]["url"]
    with second.client() as browser:
        assert browser.get(workers.path_of(url)).content == named
    first.start()


def test_another_directory_needs_the_master_key(fresh_server, on_kafka, make_org, tmp_path):
    """Another master key would make everybody in this history look erased."""
    server = fresh_server(settings=on_kafka)
    org = make_org(server)
    task = org.create_task(title="shared")
    server.stop()
    other = fresh_server(settings=on_kafka, start=False)
    with pytest.raises(StartFailed) as refused:
        other.spawn()
        wait_for(other._ready, "the server gives up", DEADLINE_S)
    assert "master key" in refused.value.log and "from another node" in refused.value.log
    assert not (other.data / "master.key").exists()
    shutil.copy(server.data / "master.key", other.data / "master.key")
    other.start()
    org.server = other
    assert org.all_tasks() == [task]
    server.start()


def test_a_history_without_its_keys_is_refused(fresh_server, on_kafka, cluster, make_org):
    server = fresh_server(settings=on_kafka)
    make_org(server)
    server.stop()
    admin = AdminClient(cluster.client())
    keys = on_kafka["journal"]["topic_prefix"] + "data-keys"
    admin.delete_topics([keys])[keys].result(DEADLINE_S)
    with pytest.raises(StartFailed) as refused:
        server.spawn()
        wait_for(server._ready, "the server gives up", DEADLINE_S)
    assert "data keys are not on these brokers" in refused.value.log
    server.damaged = True


@pytest.mark.parametrize("name,value", [("cleanup.policy", "compact"), ("retention.ms", "86400000")])
def test_topics_that_would_lose_history(fresh_server, on_kafka, cluster, name, value):
    server = fresh_server(settings=on_kafka)
    server.stop()
    topic = on_kafka["journal"]["topic_prefix"] + "tasks"
    admin = AdminClient(cluster.client())

    def set_to(word: str) -> None:
        entry = ConfigEntry(name, word, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
        admin.incremental_alter_configs([resource])[resource].result(DEADLINE_S)

    set_to(value)
    with pytest.raises(StartFailed) as refused:
        server.spawn()
        wait_for(server._ready, "the server gives up", DEADLINE_S)
    assert topic in refused.value.log and name in refused.value.log
    set_to({"cleanup.policy": "delete", "retention.ms": "-1"}[name])
    server.start()
