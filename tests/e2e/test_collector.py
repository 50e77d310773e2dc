"""Media that no submission names is removed once nobody can name it any more; how much one lease may bring."""
import base64

import pytest

import workers
from harness import wait_for
from workers import announcement, error_of, png, sha256

# URLs of uploads end and unnamed media goes after seconds instead of hours.
SHORT = {"workers": {"upload_seconds": 5, "upload_grace_seconds": 1}}


def picture(seed: int) -> bytes:
    """Large enough to be a file of its own in the folder."""
    content = png(width=100, height=100, seed=seed, level=0)
    assert len(content) > 16_384
    return content


def data_url(content: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(content).decode()


def stored_in(folder) -> set[str]:
    """The SHA-256 of every object in the folder that has a file, from its name: assignment, lease, hash."""
    return {path.name.split(".")[1].split("-")[1] for path in (folder / "objects").rglob("*") if path.is_file()}


def stored(server) -> set[str]:
    return stored_in(server.data / "media")


def image_task(org, **changes) -> dict:
    return org.open_task(**{"modalities": ["image"], "reward_cents": 500, "target_submissions": 5, **changes})


def test_what_is_given_back_goes_and_what_is_named_stays(fresh_server, make_org, make_worker):
    server = fresh_server(settings=SHORT)
    org, gone, kept = make_org(server), make_worker(server), make_worker(server)
    task = image_task(org)
    named, forgotten, left = picture(1), picture(2), picture(3)
    kept.accept(task)
    upload = kept.upload(task, named, "image/png")
    kept.upload(task, forgotten, "image/png")
    gone.accept(task)
    gone.upload(task, left, "image/png")
    assert stored(server) == {sha256(content) for content in (named, forgotten, left)}
    kept.prove(task, uploads=[upload])
    assert gone.post(task, "release").status_code == 200
    wait_for(lambda: stored(server) == {sha256(named)}, "what nobody names is gone", 60)
    submission = workers.submissions(org, task, status="pending")[0]
    url = org.http.get(f"/api/v1/submissions/{submission['id']}").json()["media"][0]["url"]
    with server.client() as browser:
        assert browser.get(workers.path_of(url)).content == named
    # Who takes the task again brings it again.
    gone.accept(task)
    gone.prove(task, uploads=[gone.upload(task, left, "image/png")])
    assert stored(server) == {sha256(named), sha256(left)}


@pytest.mark.smoke
def test_a_refused_proof_leaves_nothing(server, org, worker):
    """What comes within a proof is stored only when all of it was looked at."""
    task = image_task(org)
    worker.accept(task)
    good, before = picture(11), stored(server)
    for proof in ({"data_urls": [data_url(good), data_url(b"no image")]}, {"data_urls": [data_url(good)], "uploads": ["upl_x"]}):
        error_of(worker.post(task, "proof", proof), 400, "validation_error")
        assert stored(server) == before
    worker.prove(task, data_urls=[data_url(good)])
    assert stored(server) == before | {sha256(good)}


@pytest.mark.slow
def test_what_came_with_a_proof_that_the_chain_refused_goes(fresh_server, make_org, make_worker):
    """The lease lives and the task does not: what the proof brought was announced and stored before that was known."""
    server = fresh_server(settings={"workers": {**SHORT["workers"], "lease_minutes": 1}})
    org, worker = make_org(server), make_worker(server)
    task = image_task(org)
    worker.accept(task)
    assert org.http.post(f"/api/v1/tasks/{task['id']}/cancel").status_code == 200
    error_of(worker.post(task, "proof", {"data_urls": [data_url(picture(21))]}), 409, "conflict")
    assert stored(server) == {sha256(picture(21))}
    server.kill()
    server.start()
    wait_for(lambda: not stored(server), "it goes with the lease", 120)


def test_a_kill_before_it_was_removed(fresh_server, make_org, make_worker):
    server = fresh_server(settings=SHORT)
    org, worker = make_org(server), make_worker(server)
    task = image_task(org)
    worker.accept(task)
    worker.upload(task, picture(31), "image/png")
    assert worker.post(task, "release").status_code == 200
    server.kill()
    server.start()
    wait_for(lambda: not stored(server), "removed after the start", 60)
    server.kill()
    (server.data / "collector.json").unlink(missing_ok=True)
    server.start()
    assert not stored(server)


@pytest.mark.slow
def test_what_an_erased_worker_left_goes(fresh_server, make_org, make_worker):
    server = fresh_server(settings={"workers": {**SHORT["workers"], "lease_minutes": 1}})
    org, worker = make_org(server), make_worker(server)
    submitted, open_ = image_task(org), image_task(org)
    for task in (submitted, open_):
        worker.accept(task)
    kept, left = picture(41), picture(42)
    worker.prove(submitted, uploads=[worker.upload(submitted, kept, "image/png")])
    worker.upload(open_, left, "image/png")
    with server.ops() as ops:
        assert ops.delete(f"/ops/workers/{worker.id}").status_code == 200
    wait_for(lambda: stored(server) == {sha256(kept)}, "the lease ends and its media goes", 120)


def test_how_much_a_lease_may_bring(fresh_server, make_org, make_worker):
    server = fresh_server(settings={"workers": {"max_upload_bytes": 2000, "max_lease_upload_bytes": 3000,
                                                "max_lease_uploads": 3}})
    org, worker = make_org(server), make_worker(server)
    task = org.open_task(modalities=["text", "image"])
    worker.accept(task)
    first = b"a" * 2000
    worker.announce(task, first, "text/plain")
    told = error_of(worker.post(task, "uploads", announcement(b"b" * 1001, "text/plain")), 413, "payload_too_large")
    assert told == {"left_bytes": 1000, "max_total_bytes": 3000}
    worker.announce(task, first, "text/plain")  # the same bytes take no more room
    worker.announce(task, b"b" * 900, "text/plain")
    told = error_of(worker.post(task, "uploads", announcement(b"c", "text/plain")), 409, "conflict")
    assert told == {"max_uploads": 3}
    # What comes within a proof counts as well.
    big = png(width=600, height=1) + bytes(200)
    error_of(worker.post(task, "proof", {"data_urls": [data_url(big)]}), 413, "payload_too_large")
    worker.prove(task, data_urls=[data_url(png(seed=51))])

