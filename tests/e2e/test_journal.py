"""The journal as an outsider sees it: chain, ids, positions, envelopes, and what must not stand in it."""
import json
import re

import pytest

import chain
from harness import SEED_BODY

TOPICS = {"tasks", "engagements", "workers", "runs", "deliveries"}
AT = re.compile(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$")


@pytest.fixture(scope="module")
def worked(server):
    """An organization that has done a bit of everything, and the audited journal after it."""
    org = server.create_account("Journal Works", "journal-works@example.test")
    for n in range(5):
        task = org.create_task(idempotency_key=f"k{n}")
        if n % 2:
            org.pay(task)
        org.http.post(f"/api/v1/tasks/{task['id']}/cancel", headers={"Idempotency-Key": f"c{n}"})
    org.http.post(f"/api/v1/tasks/{task['id']}/cancel", headers={"Idempotency-Key": "again"})
    key = org.create_key("read")
    org.http.delete(f"/api/v1/api-keys/{key['id']}")
    partitions = server.journal()
    yield org, partitions, chain.check_journal(partitions)
    org.close()


@pytest.mark.smoke
def test_every_topic_and_partition_is_there(server):
    stat = server.stat()
    assert {(p["topic"], p["partition"]) for p in stat} == {(t, n) for t in TOPICS for n in range(chain.PARTITIONS)}
    for partition in stat:
        assert set(partition) == {"topic", "partition", "seq", "id", "orphans"}
        assert re.fullmatch(r"[0-9a-f]{64}", partition["id"])
        assert partition["orphans"] == 0, "one process has nobody to race with"


def test_genesis(worked):
    _, partitions, journal = worked
    uuids = set()
    for partition in partitions:
        commit = journal[partition.name][0]
        assert (commit["seq"], commit["prev"]) == (0, chain.ZEROS)
        data = commit["events"][0]["data"]
        uuids.add(json.dumps({k: v for k, v in data.items() if k not in ("topic", "partition")}, sort_keys=True))
        assert (data["topic"], data["partition"]) == (partition.topic, partition.partition)
        assert 16 in data.values() and 1024 in data.values(), "partition and bucket count"
    assert len(uuids) == 1, "one journal has one id, one format, one number of partitions and buckets"


def test_envelopes(worked):
    """Every commit carries exactly the members of the design, in their order."""
    _, _, journal = worked
    order = ["seq", "prev", "at", "actor", "command", "cause", "events"]
    for name, commits in journal.items():
        for commit in commits[1:]:
            place = f"{name} seq {commit['seq']}"
            assert list(commit) == [member for member in order if member in commit], place
            assert AT.fullmatch(commit["at"]), place
            if "command" in commit:
                assert set(commit["command"]) <= {"id", "name", "idempotency_key", "scope", "request_hash"}, place
                assert re.fullmatch(r"cmd_[0-9a-hjkmnp-tv-z]{26}", commit["command"]["id"]), place


def test_a_commit_holds_one_line_and_is_bounded(worked):
    _, partitions, _ = worked
    for partition in partitions:
        for value in partition.commits:
            assert b"\r" not in value and len(value) <= 512 * 1024
            assert value == value.strip()


@pytest.mark.smoke
def test_a_position_leads_to_its_commit(server, org):
    response = org.http.post("/api/v1/tasks", json=SEED_BODY, headers={"Idempotency-Key": "find me"})
    topic, partition, seq = response.headers["Journal-Position"].split(".")
    commits = server.cat(topic, int(partition))
    chain.check_chain(f"{topic}/{partition}", commits)
    commit = json.loads(commits[int(seq)])
    assert commit["command"]["name"] == "task.create"
    assert commit["command"]["idempotency_key"] == "find me"
    assert commit["actor"]["kind"] == "api_key" and commit["actor"]["account"] == org.id
    created = [event for event in commit["events"] if event["type"] == "task.created"]
    assert [event["stream"] for event in created] == [response.json()["id"]]


def test_etag_is_the_stream_version(server, org):
    task = org.create_task()
    org.http.post(f"/api/v1/tasks/{task['id']}/cancel")
    etag = org.http.get(f"/api/v1/tasks/{task['id']}").headers["ETag"]
    events = chain.events_of(chain.check_journal(server.journal()), task["id"])
    assert etag == f'"{events[-1]["version"]}"'


def test_reads_write_nothing_but_the_use_of_the_key(server, org):
    task = org.create_task()
    before = {p.name: p.seq for p in server.journal()}
    for _ in range(20):
        org.get_task(task["id"])
        org.all_tasks()
    after = server.journal()
    new = [event for p in after for value in p.commits[before[p.name] + 1:] for event in json.loads(value)["events"]]
    mine = [event for event in new if event["type"] == "task.created"]
    assert mine == []
    assert {event["type"] for event in new} <= {"api_key.used"}


def test_no_personal_data_and_no_secret_in_the_clear(worked):
    org, partitions, _ = worked
    forbidden = [b"Journal Works", b"journal-works@example.test", org.api_key.encode()]
    for partition in partitions:
        for value in partition.commits:
            assert not any(word in value for word in forbidden), partition.name


def test_two_servers_have_two_journals(fresh_server):
    first, second = fresh_server(), fresh_server()
    assert first.stat()[0]["id"] != second.stat()[0]["id"]


def test_a_restart_changes_no_byte(fresh_server, make_org):
    server = fresh_server()
    org = make_org(server)
    for n in range(5):
        org.create_task(title=f"task {n}")
    before = server.journal()
    assert server.stop() == 0
    server.start()
    for old, new in zip(before, server.journal(), strict=True):
        assert new.commits[: len(old.commits)] == old.commits, old.name


def test_verify_accepts_a_good_journal(fresh_server, make_org):
    server = fresh_server()
    make_org(server).create_task()
    assert server.cli("journal", "verify").returncode == 0
    assert server.stop() == 0
    assert server.cli("journal", "verify").returncode == 0


def test_rebuilding_gives_the_same_read_models(fresh_server, make_org):
    server = fresh_server()
    org = make_org(server)
    tasks = [org.create_task(title=f"task {n}") for n in range(5)]
    org.pay(tasks[0])
    org.http.post(f"/api/v1/tasks/{tasks[1]['id']}/cancel")
    org.create_key("read")
    shown = org.all_tasks()
    server.assert_rebuild_gives_same_digest()
    assert org.all_tasks() == shown


def test_digest_follows_the_content(fresh_server, make_org):
    """Were the digest the same for different content, the tests that compare digests would prove nothing."""
    server = fresh_server()
    org = make_org(server)
    _, before = server.digest()
    org.create_task()
    _, after = server.digest()
    assert before != after
