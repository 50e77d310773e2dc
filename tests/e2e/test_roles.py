"""Processes that do a part of all: without workers, without a public listener, without commands."""
import json
import os

import pytest

import chain
from harness import cli, error_of, wait_for
from test_deadlines import in_seconds


def restart(server, roles: str):
    """The same directory, served in other roles."""
    assert server.stop() == 0
    server.roles = roles
    return server.start()


def types_of(server, stream: str) -> list[str]:
    return [event["type"] for event in chain.events_of(chain.check_journal(server.journal()), stream)]


@pytest.mark.smoke
def test_workers_alone_keep_deadlines_and_have_no_public_listener(fresh_server, make_org):
    server = fresh_server()
    org = make_org(server)
    task = org.create_task(deadline=in_seconds(4))
    kept = org.create_task(deadline=in_seconds(3600))
    restart(server, "workers")

    written = json.loads((server.data / "server.json").read_text())
    assert written["listen"] == ""
    assert server.readyz() == 200
    wait_for(lambda: "task.expired" in types_of(server, task["id"]), "the task expires without a public listener")
    demo = server.cli("demo", check=False)
    assert demo.returncode == 1
    assert b"no public API" in demo.stderr

    restart(server, "")
    assert org.get_task(task["id"])["status"] == "expired"
    assert org.get_task(kept["id"])["status"] == "funding"


@pytest.mark.smoke
def test_reads_alone_answer_reads_and_refuse_commands(fresh_server, make_org):
    server = fresh_server()
    org = make_org(server)
    task = org.create_task(deadline=in_seconds(8))
    restart(server, "reads")

    assert org.get_task(task["id"]) == task
    before = server.stat()
    for method, path, body in [("POST", f"/api/v1/tasks/{task['id']}/cancel", None),
                               ("POST", "/api/v1/api-keys", {"name": "another", "scopes": ["read"]})]:
        answer = org.http.request(method, path, json=body, headers={"Idempotency-Key": os.urandom(8).hex()})
        error_of(answer, 503, "unavailable")
        assert "serves only reads" in answer.json()["error"]["message"], path
        assert int(answer.headers["Retry-After"]) >= 1
    made = server.cli("account", "create", "--surface", "groundtruth", "--name", "A", "--email", "a@a.example",
                      check=False)
    assert made.returncode == 3
    assert b"serves only reads" in made.stderr
    # Nobody keeps deadlines here.
    wait_for(lambda: in_seconds(-2) > task["deadline"], "the deadline is over")
    assert server.stat() == before
    assert org.get_task(task["id"])["status"] == "funding"

    restart(server, "")
    wait_for(lambda: org.get_task(task["id"])["status"] == "expired", "the task expires once there are workers")


def test_the_api_alone_takes_commands_and_leaves_what_follows_to_workers(fresh_server, make_org):
    server = fresh_server()
    org = make_org(server)
    restart(server, "api")
    task = org.create_task(deadline=in_seconds(4))
    wait_for(lambda: in_seconds(-2) > task["deadline"], "the deadline is over")
    assert types_of(server, task["id"]) == ["task.created"]
    restart(server, "api,workers")
    wait_for(lambda: "task.expired" in types_of(server, task["id"]), "the task expires once there are workers")


@pytest.mark.parametrize("roles, words", [("api,reads", b"api and reads"), ("writers", b"'writers' is none of")])
def test_roles_that_make_no_sense_are_refused(tmp_path, roles, words):
    refused = cli("serve", "--dev", "--data", str(tmp_path), "--roles", roles, check=False)
    assert refused.returncode == 2
    assert words in refused.stderr
