"""CORS: a page of an allowed origin can read every header that the documentation tells a client to read."""
import pytest
import yaml

import workers
from harness import REPOSITORY

ORIGIN = {"Origin": "https://app.test"}
TASKS = "/api/v1/tasks"
# What the browser itself goes by, or what it lets every page read (the Fetch standard's safelist).
BROWSERS_OWN = {
    "access-control-allow-origin", "access-control-expose-headers", "cache-control", "connection", "content-language",
    "content-security-policy", "content-type", "expires", "last-modified", "permissions-policy", "pragma",
    "referrer-policy", "server", "strict-transport-security", "transfer-encoding", "vary", "x-content-type-options",
    "x-frame-options",
}


def documented() -> set[str]:
    """The names of all headers of all answers in the documents, those in shared components included."""
    names: set[str] = set()

    def walk(node) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                if key == "headers" and isinstance(value, dict):
                    names.update(name.lower() for name in value)
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    for file in (REPOSITORY / "schemas" / "openapi").glob("*.yaml"):
        document = yaml.safe_load(file.read_text())
        walk(document["paths"])
        walk(document["components"]["responses"])
    return names


def exposed(response) -> set[str]:
    return {name.strip().lower() for name in response.headers["Access-Control-Expose-Headers"].split(",")}


@pytest.fixture
def open_server(fresh_server):
    return fresh_server(settings={"cors_origins": [ORIGIN["Origin"]]})


def test_every_documented_header_is_exposed(open_server):
    names = documented()
    assert {"etag", "retry-after", "journal-position"} <= names
    with open_server.client(**ORIGIN) as page:
        response = page.get(TASKS)
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN["Origin"]
    assert names <= exposed(response)


def test_what_answers_carry_is_exposed(open_server, make_org, make_worker):
    """Whatever the kind of answer: nothing that a client might need is kept from the page that asked."""
    org, worker = make_org(open_server), make_worker(open_server)
    task = org.open_task(modalities=["image"])
    content = workers.png()
    worker.accept(task)
    worker.prove(task, uploads=[worker.upload(task, content, "image/png")])
    [submission] = workers.submissions(org, task, status="pending")
    media = submission["media_url"]
    path = f"{TASKS}/{task['id']}"
    key = {"Authorization": f"Bearer {org.api_key}"}
    with open_server.client(**ORIGIN) as page:
        etag = page.get(media).headers["ETag"]
        answers = {
            200: page.get(media), 206: page.get(media, headers={"Range": "bytes=0-3"}),
            416: page.get(media, headers={"Range": "bytes=999999-"}), 304: page.get(media, headers={"If-None-Match": etag}),
            201: page.post(TASKS, headers={**key, "Idempotency-Key": "k"}, json={
                "title": "t", "instructions": "i", "modalities": ["text"], "reward_cents": 250, "target_submissions": 10}),
            400: page.post(TASKS, headers=key, json={}), 401: page.get(TASKS), 404: page.get(f"{path}x", headers=key),
            405: page.put(path, headers=key), 412: page.post(f"{path}/cancel", headers={**key, "If-Match": '"999"'}),
            503: page.get(TASKS, headers={**key, "Journal-Position": "tasks.0.999999"}),
        }
    for status, response in answers.items():
        assert response.status_code == status, (status, response.text)
        hidden = {name.lower() for name in response.headers} - exposed(response) - BROWSERS_OWN
        assert not hidden, (status, hidden)


def test_a_page_of_another_origin_reads_nothing(open_server):
    with open_server.client(Origin="https://other.test") as page:
        response = page.get(TASKS)
    assert "Access-Control-Allow-Origin" not in response.headers
    assert "Access-Control-Expose-Headers" not in response.headers
    assert response.headers["Vary"] == "Origin"
