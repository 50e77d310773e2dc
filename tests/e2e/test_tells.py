"""What belongs to others looks as if it had never been: on every route with an id, under every conditional header, answer for
answer and byte for byte. The routes come from the OpenAPI documents, so a new one is looked at by itself."""
from __future__ import annotations

import json
import re
import uuid

import httpx
import pytest
import yaml

import workers
from harness import REPOSITORY

BASE = "/api/v1"
# What differs between any two answers.
VARYING = {b"date", b"x-request-id", b"x-ratelimit-remaining", b"x-ratelimit-reset"}
DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"

# A body that passes the checks of shape, by operation.
BODIES = {
    "rejectSubmission": {"reason": "Too dark."},
    "announceUpload": workers.announcement(b"\x89PNG", "image/png"),
    "submitProof": {"text": "What I saw."},
}
CONDITIONS = [{}, {"If-Match": '"1"'}, {"If-Match": '"999"'}, {"If-Match": '"1", "2", "3"'}, {"If-Match": "*"},
              {"If-Match": "nonsense"}, {"If-None-Match": '"1"'}, {"If-None-Match": "*"}]


def routes(surface: str) -> list[tuple[str, str, str]]:
    """(method, path, operationId) of every route with an id."""
    document = yaml.safe_load((REPOSITORY / "schemas" / "openapi" / f"{surface}.yaml").read_text())
    found = [(method.upper(), path, operation["operationId"]) for path, item in document["paths"].items()
             for method, operation in item.items() if "{" in path]
    assert len(found) >= 5
    return found + [("HEAD", path, operation) for method, path, operation in found if method == "GET"]


def never_was(id: str) -> str:
    """An id of the same kind, time and place that nobody has."""
    prefix, text = id.split("_")
    return f"{prefix}_{text[:-6]}{''.join(DIGITS[31 - DIGITS.index(digit)] for digit in text[-6:])}"


def answer(client: httpx.Client, method: str, path: str, **request) -> tuple:
    response = client.request(method, path, **request)
    headers = [(name, value) for name, value in response.headers.raw if name.lower() not in VARYING]
    return response.status_code, headers, response.content


def answers(client: httpx.Client, method: str, path: str, operation: str, conditions: dict) -> list[tuple]:
    """The answers to one request, to its repetition under the same key, and to another request under that key."""
    if method in ("GET", "HEAD", "DELETE"):
        return [answer(client, method, path, headers=conditions) for _ in range(2)]
    headers = {**conditions, "Idempotency-Key": str(uuid.uuid4()), "Content-Type": "application/json"}
    body = json.dumps(BODIES.get(operation, {}))
    return [answer(client, method, path, headers=headers, content=text) for text in (body, body, f" {body}")]


def compare(client: httpx.Client, surface: str, foreign: dict[str, str], own: dict[str, str]) -> None:
    """`foreign` and `own` give an id by the last word of the path before it: those of others, and the caller's."""
    for method, path, operation in routes(surface):
        kind = re.search(r"/([a-z-]+)/\{id\}", path)[1]
        for conditions in CONDITIONS:
            expected = None
            for id in (never_was(own[kind]), never_was(foreign[kind]), foreign[kind]):
                assert id != foreign[kind] or foreign[kind] != own[kind]
                got = answers(client, method, BASE + path.replace("{id}", id), operation, conditions)
                assert got[0][0] == 404, (method, path, conditions, got[0])
                expected = expected or got
                assert got == expected, (method, path, conditions, id)


def command_of(server, id: str) -> str:
    """The id of the command that made something."""
    for partition in server.journal():
        for commit in partition.commits:
            if id.encode() in commit and (found := re.search(rb'"(cmd_[0-9a-z]{26})"', commit)):
                return found[1].decode()
    raise AssertionError(f"nothing made {id}")


@pytest.fixture
def two_customers(server, make_org, make_worker):
    """What two organizations have of each kind."""
    def belongings(org) -> dict[str, str]:
        worker, task = make_worker(server), workers.text_task(org)
        submission = worker.submit_text(task)
        return {"tasks": task["id"], "submissions": submission["id"], "api-keys": org.create_key("read")["id"],
                "commands": command_of(server, task["id"])}

    mine, theirs = make_org(server), make_org(server)
    return mine, belongings(mine), belongings(theirs)


def test_another_organizations_things_are_like_none(two_customers):
    me, mine, theirs = two_customers
    compare(me.http, "groundtruth", theirs, mine)
    # And they are as they were.
    assert me.get_task(mine["tasks"])["status"] == "open"


def test_what_a_worker_may_not_see_is_like_none(server, make_org, make_worker):
    org, me, other = make_org(server), make_worker(server), make_worker(server)
    unpaid, unverified = org.create_task(modalities=["text"]), workers.register(server)
    taken = workers.text_task(org)
    theirs, mine = other.submit_text(taken)["id"], me.submit_text(workers.text_task(org))["id"]
    foreign = {"tasks": unpaid["id"], "worker": unverified.id, "commands": command_of(server, unpaid["id"]),
               "submissions": theirs}
    own = {"tasks": taken["id"], "worker": me.id, "commands": command_of(server, me.id), "submissions": mine}
    compare(me.http, "worker", foreign, own)
