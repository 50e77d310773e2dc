"""Submissions: what workers hand in, how customers read, approve and reject it, and that the money follows."""
import base64
import concurrent.futures
import datetime
import json
import re
import time

import httpx
import pytest

import chain
import workers
from harness import error_of as customer_error
from harness import wait_for
from workers import BASE, error_of, png, sha256, text_task, wav, wrong_fields

SUBMISSION_ID = re.compile(r"sub_[0-9a-hjkmnp-tv-z]{26}")
TIME = re.compile(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$")
NO_SUBMISSION = "sub_" + "0" * 26


def data_url(content: bytes, content_type: str) -> str:
    return f"data:{content_type};base64,{base64.b64encode(content).decode()}"


def download(server, url: str, **headers) -> httpx.Response:
    with server.client() as browser:
        return browser.get(workers.path_of(url), headers=headers)


def read(org, submission) -> dict:
    response = org.http.get(f"/api/v1/submissions/{submission['id']}")
    assert response.status_code == 200, response.text
    return response.json()


def check_ledger(server) -> dict[str, int]:
    """The audit finds every wallet right; returns the cents of every account over all of them."""
    report = server.cli_json("ledger", "check")
    assert (report["sound"], report["violated"]) == (True, 0), report
    return report["balances_cents"]


# What is handed in


@pytest.mark.smoke
def test_a_recording(server, org, worker):
    task = org.open_task(modalities=["audio"])
    worker.accept(task)
    content = wav(2)
    upload = worker.upload(task, content, "audio/wav")
    response = worker.post(task, "proof", {"uploads": [upload]})
    assert response.status_code == 201, response.text
    assert re.fullmatch(r"tasks\.\d+\.\d+", response.headers["Journal-Position"])
    made = response.json()["submission"]
    assert list(made) == ["id", "task_id", "status", "media", "created_at", "review_until"]
    assert SUBMISSION_ID.fullmatch(made["id"])
    assert (made["task_id"], made["status"], len(made["media"])) == (task["id"], "pending", 1)

    found = read(org, made)
    assert list(found)[:5] == ["id", "status", "duration_seconds", "media_url", "created_at"]
    assert found == {
        "id": made["id"], "status": "pending", "duration_seconds": 2, "media_url": found["media_url"],
        "created_at": made["created_at"], "task_id": task["id"], "worker_id": worker.id, "reward_cents": 250,
        "review_until": made["review_until"], "decided_at": None, "rejection_reason": None,
        "media": [{"url": found["media"][0]["url"], "content_type": found["media"][0]["content_type"],
                   "bytes": len(content), "sha256": sha256(content), "duration_seconds": 2}],
    }
    assert found["media"][0]["content_type"].startswith("audio/")
    assert "X-Amz-Expires=3600" in found["media_url"]
    assert download(server, found["media_url"]).content == content
    assert worker.email not in json.dumps(found)


def test_a_worker_sees_durations_as_a_customer_does(org, worker):
    task = org.open_task(modalities=["audio"])
    worker.accept(task)
    made = worker.prove(task, uploads=[worker.upload(task, wav(2), "audio/wav")])
    shown = read(org, made)["media"][0]
    assert made["media"] == [{name: shown[name] for name in ("content_type", "bytes", "sha256", "duration_seconds")}]


@pytest.mark.parametrize(("seconds", "shown"), [(0.1, 0), (1.4, 1), (1.6, 2), (31, 31)])
def test_seconds_are_rounded(org, worker, seconds, shown):
    task = org.open_task(modalities=["audio"])
    worker.accept(task)
    made = worker.prove(task, uploads=[worker.upload(task, wav(seconds), "audio/wav")])
    assert read(org, made)["duration_seconds"] == shown


def test_a_text(server, org, worker):
    task = text_task(org)
    text = "Zwei Züge, 日本 🎥\n\"quoted\" <b>&amp;</b>"
    made = worker.submit_text(task, text)
    found = read(org, made)
    assert found["duration_seconds"] is None
    assert [(media["content_type"], media["bytes"], media["sha256"]) for media in found["media"]] == [
        ("text/plain", len(text.encode()), sha256(text.encode()))]
    response = download(server, found["media_url"])
    assert response.content == text.encode()
    assert response.headers["Content-Disposition"].startswith("attachment")


def test_data_urls(server, org, worker):
    task = org.open_task(modalities=["image"])
    worker.accept(task)
    pictures = [png(seed=n) for n in range(3)]
    made = worker.prove(task, data_urls=[data_url(picture, "image/png") for picture in pictures])
    found = read(org, made)
    assert [media["sha256"] for media in found["media"]] == [sha256(picture) for picture in pictures]
    assert [download(server, media["url"]).content for media in found["media"]] == pictures
    assert {media["content_type"] for media in found["media"]} == {"image/png"}
    assert found["media_url"].split("?")[0] == found["media"][0]["url"].split("?")[0]


def test_everything_at_once(server, org, worker):
    task = org.open_task(modalities=["image", "audio", "text"])
    worker.accept(task)
    uploads = [worker.upload(task, wav(3), "audio/wav"), worker.upload(task, png(), "image/png")]
    made = worker.prove(task, uploads=uploads, data_urls=[data_url(png(seed=9), "image/png")], text="As seen.")
    kinds = [media["content_type"].split("/")[0] for media in read(org, made)["media"]]
    assert kinds == ["audio", "image", "image", "text"]
    assert read(org, made)["duration_seconds"] == 3


def test_a_large_data_url(server, org, worker):
    """A proof may carry ten mebibytes; what is larger is told so."""
    task = org.open_task(modalities=["image"])
    worker.accept(task)
    picture = png() + b"\0" * (7 * 1024 * 1024)  # what follows the end of a PNG is nobody's business
    too_large = data_url(picture + b"\0" * 1024 * 1024, "image/png")
    error_of(worker.post(task, "proof", {"data_urls": [too_large]}), 413, "payload_too_large")
    made = worker.prove(task, data_urls=[data_url(picture, "image/png")])
    assert read(org, made)["media"][0]["bytes"] == len(picture)


@pytest.mark.parametrize(("proof", "fields"), [
    ({}, [""]), ({"text": ""}, ["text"]), ({"text": None}, ["text"]), ({"text": "x" * 50_001}, ["text"]), ({"text": 7}, ["text"]),
    ({"uploads": []}, ["uploads"]), ({"uploads": ["upl_" + "0" * 26]}, ["uploads[0]"]), ({"uploads": ["x"]}, ["uploads[0]"]),
    ({"uploads": "x"}, ["uploads"]), ({"uploads": ["../x"], "data_urls": ["x"]}, ["uploads[0]", "data_urls[0]"]),
    ({"data_urls": ["https://example.test/x.png"]}, ["data_urls[0]"]), ({"data_urls": ["data:,x"]}, ["data_urls[0]"]),
    ({"data_urls": ["data:text/html;base64,PGI+"]}, ["data_urls[0]"]), ({"data_urls": ["data:image/png;base64,@@@"]}, ["data_urls[0]"]),
    ({"data_urls": ["data:image/png;base64,"]}, ["data_urls[0]"]), ({"text": "x", "vote": "yes"}, ["vote"]),
    ({"data_urls": [data_url(b"this is text", "image/png")]}, ["data_urls[0]"]),
    ({"data_urls": [data_url(png(), "image/png")] * 2}, ["data_urls[1]"]),
])
def test_proofs_that_are_none(org, worker, proof, fields):
    task = org.open_task(modalities=["image", "text"])
    worker.accept(task)
    assert [path for path, _ in wrong_fields(worker.post(task, "proof", proof))] == fields
    assert worker.prove(task, text="And then a good one.")["status"] == "pending"


def test_media_that_was_not_asked_for(org, worker):
    task = org.open_task(modalities=["audio"])
    worker.accept(task)
    assert wrong_fields(worker.post(task, "uploads", workers.announcement(png(), "image/png"))) == [
        ("content_type", "invalid_value")]
    assert [path for path, _ in wrong_fields(worker.post(task, "proof", {"data_urls": [data_url(png(), "image/png")]}))
            ] == ["data_urls[0]"]
    assert len(wrong_fields(worker.post(task, "proof", {"text": "I sang."}))) == 1
    recorded = worker.upload(task, wav(), "audio/wav")
    made = worker.prove(task, uploads=[recorded], text="A word about it.")
    assert len(read(org, made)["media"]) == 2


def test_a_recording_that_is_none(org, worker):
    """What it is, is what its bytes say."""
    task = org.open_task(modalities=["audio", "video", "image"])
    worker.accept(task)
    for content, content_type in ((b"just text, no sound", "audio/wav"), (png(seed=1), "audio/wav"), (wav(1), "video/mp4"),
                                  (b"\x89PNG\r\n\x1a\n", "audio/mpeg"), (b"<svg onload=alert(1)>", "video/webm")):
        upload = worker.upload(task, content, content_type)
        response = worker.post(task, "proof", {"uploads": [upload]})
        assert [path for path, _ in wrong_fields(response)] == ["uploads[0]"], content_type


TEXTS = {
    "plain": "I was there.", "unicode": "日本語 🎥 Züge", "json": '{"a": 1}', "csv": "a,b\n1,2\n", "shell": "#!/bin/sh\necho\n",
    "subtitles": "1\n00:00:01,000 --> 00:00:02,000\nHello\n", "captions": "WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n",
    "a letter": "x",
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_file(server, org, worker, name):
    """A transcript is text, whatever it looks like."""
    task = text_task(org)
    worker.accept(task)
    content = TEXTS[name].encode()
    made = worker.prove(task, uploads=[worker.upload(task, content, "text/plain")])
    found = read(org, made)
    assert found["media"][0]["content_type"] == "text/plain"
    assert download(server, found["media_url"]).content == content


@pytest.mark.parametrize("content", [b"a\0b", "Zwei Züge".encode("latin-1"), png(), b"\xff\xfe"])
def test_a_text_file_that_is_none(org, worker, content):
    task = text_task(org)
    worker.accept(task)
    upload = worker.upload(task, content, "text/plain")
    assert wrong_fields(worker.post(task, "proof", {"uploads": [upload]})) == [("uploads[0]", "invalid_value")]


def test_a_picture_that_was_announced_as_another_kind(server, org, worker):
    task = org.open_task(modalities=["image"])
    worker.accept(task)
    made = worker.prove(task, data_urls=[data_url(png(), "image/jpeg")])
    found = read(org, made)
    assert found["media"][0]["content_type"] == "image/png"
    assert download(server, found["media_url"]).headers["Content-Type"] == "image/png"


def test_an_upload_that_has_not_come(org, worker):
    task = org.open_task(modalities=["audio"])
    worker.accept(task)
    announced = worker.announce(task, wav(), "audio/wav")
    details = error_of(worker.post(task, "proof", {"uploads": [announced["upload_id"]]}), 409, "conflict")
    assert details == {"reason": "upload_missing", "field": "uploads[0]"}
    assert worker.put(announced, wav()).status_code == 200
    worker.prove(task, uploads=[announced["upload_id"]])


def test_uploads_of_another_lease(server, org, worker, make_worker):
    other = make_worker(server)
    one, two = org.open_task(modalities=["audio"]), org.open_task(modalities=["audio"])
    worker.accept(one)
    worker.accept(two)
    other.accept(one)
    theirs = other.upload(one, wav(seed=1), "audio/wav")
    elsewhere = worker.upload(two, wav(seed=2), "audio/wav")
    for upload in (theirs, elsewhere):
        assert wrong_fields(worker.post(one, "proof", {"uploads": [upload]})) == [("uploads[0]", "invalid_value")]
    assert workers.submissions(org, one, status="pending") == []


def test_without_a_lease(server, org, worker, make_worker):
    task = org.open_task(modalities=["audio", "text"])
    other = make_worker(server)
    other.accept(task)
    for body in ({"text": "x"}, {"uploads": ["upl_" + "0" * 26]}):
        assert error_of(worker.post(task, "proof", body), 409, "conflict")["reason"] == "not_accepted"
    error_of(worker.post(task, "uploads", workers.announcement(wav(), "audio/wav")), 409, "conflict")


def test_one_worker_one_submission_a_task(org, worker):
    task = text_task(org)
    worker.accept(task)
    first = worker.post(task, "proof", {"text": "One."}, key="one")
    assert first.status_code == 201
    again = worker.post(task, "proof", {"text": "One."}, key="one")
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    error_of(worker.post(task, "proof", {"text": "Two."}, key="one"), 409, "idempotency_key_reused")
    assert error_of(worker.post(task, "proof", {"text": "Two."}), 409, "conflict")["reason"] == "already_submitted"
    assert [submission["id"] for submission in workers.submissions(org, task, status="pending")] == [
        first.json()["submission"]["id"]]


def test_handing_in_at_once(server, org, worker):
    task = text_task(org)
    worker.accept(task)

    def send(number: int) -> httpx.Response:
        with server.client(worker.token) as client:
            return client.post(f"{BASE}/tasks/{task['id']}/proof", json={"text": f"Number {number}."})

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    found = workers.submissions(org, task, status="pending")
    assert len(found) == 1
    number = next(number for number, answer in enumerate(answers) if answer.status_code == 201)
    assert download(server, found[0]["media_url"]).text == f"Number {number}."


# How customers read it


@pytest.fixture
def reviewed(server, org, make_worker):
    """A task with two approved, one rejected and one pending submission, and who handed them in, in that order."""
    task = text_task(org)
    people = [make_worker(server) for _ in range(4)]
    made = [person.submit_text(task, f"Number {n}.") for n, person in enumerate(people)]
    for submission in made[:2]:
        assert workers.approve(org, submission).status_code == 200
    assert workers.reject(org, made[2], "Out of focus.").status_code == 200
    return task, people, made


def test_lists_by_status(org, reviewed):
    task, _, made = reviewed
    ids = [submission["id"] for submission in made]

    def listed(**parameters) -> list[tuple[str, str]]:
        return [(found["id"], found["status"]) for found in workers.submissions(org, task, **parameters)]

    approved = [(ids[1], "approved"), (ids[0], "approved")]
    assert sorted(listed()) == sorted(approved)
    assert listed() == listed(status="approved")
    assert listed(status="rejected") == [(ids[2], "rejected")]
    assert listed(status="pending") == [(ids[3], "pending")]
    for found in workers.submissions(org, task):
        assert found == {**read(org, found), "media_url": found["media_url"], "media": found["media"]}
    rejected = workers.submissions(org, task, status="rejected")[0]
    assert rejected["rejection_reason"] == "Out of focus."
    assert TIME.fullmatch(rejected["decided_at"])


def test_a_page_is_what_the_seed_shows(org, reviewed):
    task, _, made = reviewed
    page = org.http.get(f"/api/v1/tasks/{task['id']}/submissions").json()
    assert list(page) == ["data", "pagination"]
    assert page["pagination"] == {"total": 2, "page": 1, "per_page": 20, "next_cursor": None}
    assert list(page["data"][0])[:5] == ["id", "status", "duration_seconds", "media_url", "created_at"]
    first = org.http.get(f"/api/v1/tasks/{task['id']}/submissions", params={"per_page": 1}).json()
    assert first["pagination"] | {"next_cursor": None} == {"total": 2, "page": 1, "per_page": 1, "next_cursor": None}
    second = org.http.get(f"/api/v1/tasks/{task['id']}/submissions",
                          params={"per_page": 1, "cursor": first["pagination"]["next_cursor"]}).json()
    assert {first["data"][0]["id"], second["data"][0]["id"]} == {made[0]["id"], made[1]["id"]}
    assert second["pagination"]["next_cursor"] is None
    jumped = org.http.get(f"/api/v1/tasks/{task['id']}/submissions", params={"per_page": 1, "page": 2}).json()
    assert [found["id"] for found in jumped["data"]] == [found["id"] for found in second["data"]]


def test_all_of_them_as_lines(org, reviewed):
    task, _, made = reviewed
    for status, count in (("approved", 2), ("rejected", 1), ("pending", 1)):
        with org.http.stream("GET", f"/api/v1/tasks/{task['id']}/submissions", params={"status": status},
                             headers={"Accept": "application/x-ndjson"}) as response:
            assert response.status_code == 200
            assert response.headers["content-type"].split(";")[0] == "application/x-ndjson"
            text = response.read().decode()
        assert text.endswith("\n")
        lines = [json.loads(line) for line in text.splitlines()]
        assert len(lines) == count
        listed = {found["id"]: found for found in workers.submissions(org, task, status=status)}
        for line in lines:
            assert line == {**listed[line["id"]], "media_url": line["media_url"], "media": line["media"]}
    empty = org.open_task()
    response = org.http.get(f"/api/v1/tasks/{empty['id']}/submissions", headers={"Accept": "application/x-ndjson"})
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize(("query", "fields"), [
    ({"status": "leased"}, ["status"]), ({"status": ""}, ["status"]), ({"limit": 101}, ["limit"]), ({"cursor": "x"}, ["cursor"]),
    ({"worker": "x"}, ["worker"]),
])
def test_wrong_queries(org, query, fields):
    task = org.open_task()
    for headers in ({}, {"Accept": "application/x-ndjson"}):
        response = org.http.get(f"/api/v1/tasks/{task['id']}/submissions", params=query, headers=headers)
        details = customer_error(response, 400, "validation_error")
        assert [field["path"] for field in details["fields"]] == fields


def test_a_cursor_belongs_to_its_list(org, reviewed):
    task, *_ = reviewed
    path = f"/api/v1/tasks/{task['id']}/submissions"
    cursor = org.http.get(path, params={"limit": 1}).json()["pagination"]["next_cursor"]
    other = org.open_task()
    for wrong_path, parameters in ((path, {"status": "rejected"}), (f"/api/v1/tasks/{other['id']}/submissions", {}),
                                   ("/api/v1/tasks", {})):
        customer_error(org.http.get(wrong_path, params={**parameters, "cursor": cursor}), 400, "validation_error")


def test_deciding_while_walking(server, org, make_worker):
    """Reviewing page by page: what is decided leaves the list of what waits, and the next page is still the next."""
    task = text_task(org)
    made = [make_worker(server).submit_text(task, f"Number {n}.")["id"] for n in range(5)]
    path, seen, cursor = f"/api/v1/tasks/{task['id']}/submissions", [], {}
    while True:
        response = org.http.get(path, params={"status": "pending", "limit": 2, **cursor})
        assert response.status_code == 200, response.text
        page = response.json()
        for found in page["data"]:
            assert workers.approve(org, found).status_code == 200
            seen.append(found["id"])
        if page["pagination"]["next_cursor"] is None:
            break
        cursor = {"cursor": page["pagination"]["next_cursor"]}
    assert sorted(seen) == sorted(made)
    assert len(workers.submissions(org, task)) == 5


@pytest.mark.smoke
def test_another_tenants_submissions_are_not_there(server, reviewed, make_org):
    task, _, made = reviewed
    stranger = make_org(server)
    pairs = [("GET", f"/api/v1/tasks/{task['id']}/submissions", f"/api/v1/tasks/tsk_{'0' * 26}/submissions", None),
             ("GET", f"/api/v1/submissions/{made[0]['id']}", f"/api/v1/submissions/{NO_SUBMISSION}", None),
             ("POST", f"/api/v1/submissions/{made[3]['id']}/approve", f"/api/v1/submissions/{NO_SUBMISSION}/approve", {}),
             ("POST", f"/api/v1/submissions/{made[0]['id']}/approve", f"/api/v1/submissions/{NO_SUBMISSION}/approve", {}),
             ("POST", f"/api/v1/submissions/{made[3]['id']}/reject", f"/api/v1/submissions/{NO_SUBMISSION}/reject",
              {"reason": "x"})]
    for method, foreign, missing, body in pairs:
        answers = [stranger.http.request(method, path, json=body) for path in (foreign, missing)]
        for answer in answers:
            customer_error(answer, 404, "not_found")
        assert answers[0].content == answers[1].content


@pytest.mark.parametrize("id", [NO_SUBMISSION, "sub_", "x", "asg_" + "0" * 26, "..%2f..%2fmaster.key", "%2e%2e", "%20",
                                "SUB_" + "0" * 26, "sub_" + "0" * 3000])
def test_a_submission_that_does_not_exist(org, id):
    customer_error(org.http.get(f"/api/v1/submissions/{id}"), 404, "not_found")
    customer_error(org.http.post(f"/api/v1/submissions/{id}/approve"), 404, "not_found")
    customer_error(org.http.post(f"/api/v1/submissions/{id}/reject", json={"reason": "x"}), 404, "not_found")


def test_a_read_only_key(server, org, worker):
    made = worker.submit_text(text_task(org))
    with server.client(org.create_key("read")["secret"]) as reader:
        assert reader.get(f"/api/v1/submissions/{made['id']}").status_code == 200
        customer_error(reader.post(f"/api/v1/submissions/{made['id']}/approve"), 403, "forbidden")
        customer_error(reader.post(f"/api/v1/submissions/{made['id']}/reject", json={"reason": "x"}), 403, "forbidden")
    with server.client(org.create_key("write")["secret"]) as writer:
        assert writer.post(f"/api/v1/submissions/{made['id']}/approve").status_code == 200


def test_a_single_submission_has_no_etag(org, worker):
    """Its links differ at every reading, so there is nothing to compare."""
    made = worker.submit_text(text_task(org))
    assert "ETag" not in org.http.get(f"/api/v1/submissions/{made['id']}").headers


# Decisions


@pytest.mark.smoke
def test_approving(server, org, worker):
    task = text_task(org)
    made = worker.submit_text(task)
    response = workers.approve(org, made)
    assert response.status_code == 200, response.text
    assert re.fullmatch(r"tasks\.\d+\.\d+", response.headers["Journal-Position"])
    answer = response.json()
    assert list(answer) == ["id", "status", "task_id", "reward_cents", "approved_at"]
    assert answer == {"id": made["id"], "status": "approved", "task_id": task["id"], "reward_cents": 500,
                      "approved_at": answer["approved_at"]}
    found = read(org, made)
    assert (found["status"], found["decided_at"]) == ("approved", answer["approved_at"])
    assert org.get_task(task["id"])["approved_submissions"] == 1
    workers.wait_for_earnings(worker, 500, 1)
    profile = worker.get("/profile")
    assert (profile["missions_completed"], profile["earned_cents"]) == (1, 500)
    assert profile["badges"] == ["verified", "first_submission"]


def test_rejecting(org, worker):
    task = text_task(org)
    made = worker.submit_text(task)
    answer = workers.reject(org, made, "Too dark, sorry.").json()
    assert list(answer) == ["id", "status", "task_id", "reason", "rejected_at"]
    assert answer == {"id": made["id"], "status": "rejected", "task_id": task["id"], "reason": "Too dark, sorry.",
                      "rejected_at": answer["rejected_at"]}
    assert org.get_task(task["id"])["approved_submissions"] == 0
    wait_for(lambda: worker.get("/profile")["rejected_submissions"] == 1, "the rejection reaches the worker")
    assert worker.earned() == {"earned_cents": 0, "submissions": 0}
    error_of(worker.post(task, "accept"), 409, "conflict")


@pytest.mark.smoke
def test_what_is_decided_stays(org, server, make_worker):
    task = text_task(org)
    one, two = (make_worker(server).submit_text(task) for _ in range(2))
    assert workers.approve(org, one).status_code == 200
    assert workers.reject(org, two).status_code == 200
    for again, status in ((workers.approve(org, one), "approved"), (workers.reject(org, one), "approved"),
                          (workers.approve(org, two), "rejected"), (workers.reject(org, two), "rejected")):
        assert customer_error(again, 409, "conflict") == {"status": status}
    assert (read(org, one)["status"], read(org, two)["status"]) == ("approved", "rejected")


@pytest.mark.parametrize(("body", "fields"), [
    ({}, [("reason", "required")]), ({"reason": ""}, [("reason", "out_of_range")]), ({"reason": "x" * 1001},
                                                                                  [("reason", "out_of_range")]),
    ({"reason": None}, [("reason", "invalid_type")]), ({"reason": "x", "blame": 1}, [("blame", "unknown_field")]),
])
def test_reasons_that_are_none(org, worker, body, fields):
    made = worker.submit_text(text_task(org))
    details = customer_error(org.http.post(f"/api/v1/submissions/{made['id']}/reject", json=body), 400, "validation_error")
    assert [(field["path"], field["code"]) for field in details["fields"]] == fields
    assert read(org, made)["status"] == "pending"


def test_approving_is_idempotent(server, org, worker):
    made = worker.submit_text(text_task(org))
    path = f"/api/v1/submissions/{made['id']}/approve"
    first, again = (org.http.post(path, headers={"Idempotency-Key": "one"}) for _ in range(2))
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    customer_error(org.http.post(path, json={}, headers={"Idempotency-Key": "one"}), 409, "idempotency_key_reused")
    refused, repeated = (org.http.post(path, headers={"Idempotency-Key": "two"}) for _ in range(2))
    assert (refused.status_code, repeated.content) == (409, refused.content)
    workers.wait_for_earnings(worker, 500, 1)


def test_deciding_at_once(server, org, worker):
    """Approving and rejecting the same submission at the same moment: one of them happens, once."""
    task = text_task(org)
    made = worker.submit_text(task)

    def decide(number: int) -> httpx.Response:
        with server.client(org.api_key) as client:
            if number % 2:
                return client.post(f"/api/v1/submissions/{made['id']}/approve")
            return client.post(f"/api/v1/submissions/{made['id']}/reject", json={"reason": "x"})

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(decide, range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    events = [event["type"] for commits in chain.check_journal(server.journal()).values() for commit in commits
              for event in commit["events"] if event["data"].get("submission") == made["id"]]
    assert len(events) == 2 and events[0] == "submission.created"
    status = read(org, made)["status"]
    assert events[1] == f"submission.{status}"
    assert org.get_task(task["id"])["approved_submissions"] == (1 if status == "approved" else 0)


def test_the_last_approval_completes_the_task(fresh_server, make_org, make_worker):
    server = fresh_server()
    org = make_org(server)
    people = [make_worker(server) for _ in range(3)]
    task = text_task(org, reward_cents=1250, target_submissions=2)
    made = [person.submit_text(task) for person in people[:2]]
    error_of(people[2].post(task, "accept"), 409, "conflict")
    workers.reject(org, made[0])
    made.append(people[2].submit_text(task))
    workers.approve(org, made[1])
    assert org.get_task(task["id"])["status"] == "open"
    last = workers.approve(org, made[2])
    done = org.get_task(task["id"])
    assert (done["status"], done["approved_submissions"]) == ("completed", 2)
    assert done["closed_at"] == last.json()["approved_at"]
    customer_error(org.http.post(f"/api/v1/tasks/{task['id']}/cancel"), 409, "conflict")
    for person, cents in zip(people, (0, 1250, 1250), strict=True):
        workers.wait_for_earnings(person, cents, cents // 1250)
    assert check_ledger(server) == {"available": 0, "escrow": 0, "external": -2500, "fees": 0, "payable": 2500, "transit": 0}
    board = people[0].get("/leaderboard")
    assert (board["total"], board["limit"], board["offset"]) == (2, 20, 0)
    assert [standing["rank"] for standing in board["workers"]] == [1, 2]
    assert {standing["worker_id"] for standing in board["workers"]} == {person.id for person in people[1:]}
    assert board["own_rank"] is None, "who has had nothing approved has no rank"
    assert people[0].get("/profile")["rank"] is None
    assert people[1].get("/leaderboard")["own_rank"] == people[1].get("/profile")["rank"] in (1, 2)
    assert board["workers"][0] == {
        "rank": 1, "worker_id": board["workers"][0]["worker_id"], "display_name": "Ada", "level": 1,
        "trust_score": board["workers"][0]["trust_score"], "badges": ["verified", "first_submission"],
        "missions_completed": 1}
    page = people[0].get("/leaderboard", limit=1, offset=1)
    assert page["workers"] == board["workers"][1:2]
    today = done["closed_at"][:10]
    assert people[1].get("/earnings", days=1)["days"] == [{"date": today, "earned_cents": 1250, "submissions": 1}]
    server.assert_rebuild_gives_same_digest()


def test_cancelling_with_work_that_waits(fresh_server, make_org, make_worker):
    """What is handed in is owed until it is decided: the rest goes back, and then what is rejected."""
    server = fresh_server()
    org = make_org(server)
    one, two, three = (make_worker(server) for _ in range(3))
    task = text_task(org, reward_cents=500, target_submissions=10)
    first, second, third = (person.submit_text(task) for person in (one, two, three))
    workers.approve(org, first)
    cancelled = org.http.post(f"/api/v1/tasks/{task['id']}/cancel")
    assert cancelled.status_code == 200
    assert cancelled.json()["refunded_cents"] == 5000 - 500 - 2 * 500
    assert workers.approve(org, second).status_code == 200
    assert workers.reject(org, third).status_code == 200
    assert org.get_task(task["id"])["status"] == "cancelled"
    workers.wait_for_earnings(one, 500, 1)
    workers.wait_for_earnings(two, 500, 1)
    assert three.earned() == {"earned_cents": 0, "submissions": 0}
    assert check_ledger(server) == {"available": 0, "escrow": 0, "external": -1000, "fees": 0, "payable": 1000, "transit": 0}
    postings = server.cli_json("ledger", "statement", org.id)["postings"]
    escrow = sum(entry["amount_cents"] for posting in postings for entry in posting["entries"]
                 if entry["account"] == "escrow")
    assert escrow == 0, "nothing is left lying"
    server.assert_rebuild_gives_same_digest()


def test_an_erased_customers_tasks_are_over(fresh_server, make_org, make_worker):
    """Nobody is there to look at what would be handed in, nor to be paid back later. What was handed in is owed."""
    server = fresh_server()
    org, bystander, worker = make_org(server), make_org(server), make_worker(server)
    task, other, unpaid, kept = text_task(org), text_task(org), org.create_task(), text_task(bystander)
    worker.submit_text(task)
    server.cli("account", "erase", org.id)
    wait_for(lambda: worker.feed_ids() == [kept["id"]], "the tasks are over")
    error_of(worker.post(other, "accept"), 409, "conflict")
    wait_for(lambda: set(ended_by_erasure(server)) == {task["id"], other["id"], unpaid["id"]}, "all three have ended")
    ended = ended_by_erasure(server)
    assert [ended[each["id"]]["refunded_cents"] for each in (task, other, unpaid)] == [2000, 2500, 0]
    assert all(event["reason"] == "by_customer" for event in ended.values())
    assert org.pay(unpaid).status_code >= 400, "what has ended takes no money"
    assert check_ledger(server)["escrow"] == 500 + 2500
    assert bystander.get_task(kept["id"])["status"] == "open"
    server.assert_rebuild_gives_same_digest()


def ended_by_erasure(server) -> dict[str, dict]:
    """The data of task.cancelled by task, where it was the erasure that ended it; each task ends once."""
    ended: dict[str, dict] = {}
    for partition in server.journal():
        for commit in map(json.loads, partition.commits):
            for event in commit["events"]:
                if event["type"] != "task.cancelled":
                    continue
                assert event["stream"] not in ended
                if commit["actor"]["id"] == "erasure":
                    assert commit["command"]["id"].removeprefix("cmd_") == event["stream"].removeprefix("tsk_")
                    ended[event["stream"]] = event["data"]
    return ended


@pytest.mark.slow
def test_a_kill_between_an_erasure_and_the_end_of_its_tasks(fresh_server, make_org, make_worker):
    """Killed as soon as the erasure is known, a little later, and once more while it goes on after the start."""
    server = fresh_server()
    worker = make_worker(server)
    tasks: list[dict] = []
    for later_s in (0, 0.002, 0.01):
        org = make_org(server)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            made = list(pool.map(lambda _, org=org: text_task(org), range(40)))
        worker.submit_text(made[0])
        tasks += made
        with server.ops() as ops:
            assert ops.delete(f"/ops/accounts/{org.id}").status_code == 200
        time.sleep(later_s)  # no waiting for anything: another moment to be killed in
        server.kill()
        server.spawn()
        wait_for(server.read_addresses, "the server is up")
        server.kill()
        server.start()
    wait_for(lambda: worker.feed_ids() == [], "all tasks are over")
    wait_for(lambda: set(ended_by_erasure(server)) == {task["id"] for task in tasks}, "each ended by the erasure, once")
    refunded = sorted(data["refunded_cents"] for data in ended_by_erasure(server).values())
    assert refunded == [2000] * 3 + [2500] * 117
    assert check_ledger(server)["escrow"] == 3 * 500
    server.assert_rebuild_gives_same_digest()


def test_an_erased_worker_is_owed_what_they_earned(fresh_server, make_org, make_worker):
    server = fresh_server()
    org, worker = make_org(server), make_worker(server)
    done, waiting = text_task(org), text_task(org)
    first, second = worker.submit_text(done), worker.submit_text(waiting)
    assert workers.approve(org, first).status_code == 200
    workers.wait_for_earnings(worker, 500, 1)
    with server.ops() as ops:
        assert ops.delete(f"/ops/workers/{worker.id}").status_code == 200
        assert workers.approve(org, second).status_code == 200
        wait_for(lambda: ops.get(f"/ops/workers/{worker.id}").json()["earned_cents"] == 1000, "both are settled")
    assert read(org, second)["worker_id"] == worker.id
    assert check_ledger(server)["payable"] == 1000
    server.assert_rebuild_gives_same_digest()


@pytest.mark.slow
def test_a_deadline_with_work_that_waits(server, org, make_worker):
    """Who was in time is paid, also when the decision comes after the deadline."""
    one, two, late = (make_worker(server) for _ in range(3))
    deadline = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=12)
    task = text_task(org, deadline=deadline.isoformat())
    first, second = one.submit_text(task), two.submit_text(task)
    late.accept(task)
    wait_for(lambda: org.get_task(task["id"])["status"] == "expired", "the deadline passes")
    error_of(late.post(task, "proof", {"text": "x"}), 409, "conflict")
    assert workers.approve(org, first).status_code == 200
    assert workers.reject(org, second).status_code == 200
    assert org.get_task(task["id"])["status"] == "expired"
    workers.wait_for_earnings(one, 500, 1)
    postings = server.cli_json("ledger", "statement", org.id)["postings"]
    assert sum(entry["amount_cents"] for posting in postings for entry in posting["entries"]
               if entry["account"] == "external") == -500


def test_an_erased_customers_workers_are_paid(fresh_server, make_org, make_worker):
    """What was approved is owed, whatever becomes of the customer."""
    server = fresh_server()
    org, worker = make_org(server), make_worker(server)
    made = worker.submit_text(text_task(org))
    assert workers.approve(org, made).status_code == 200
    server.cli("account", "erase", org.id)
    workers.wait_for_earnings(worker, 500, 1)
    assert check_ledger(server)["payable"] == 500
