"""Media in a bucket by configuration: the same operations, and the bytes never pass through our server."""
import httpx
import pytest

import s3_server
from s3_server import S3Server
from workers import announcement, submissions, wav


@pytest.fixture
def bucket():
    server = S3Server()
    yield server
    server.close()


@pytest.fixture
def server(fresh_server, bucket, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(s3_server.SECRET_ACCESS_KEY + "\n")
    return fresh_server(settings={"media": {"s3": {
        "endpoint": bucket.url, "bucket": s3_server.BUCKET, "region": s3_server.REGION, "path_style": True,
        "access_key_id": s3_server.ACCESS_KEY_ID, "secret_access_key_file": str(secret)}}})


def test_a_recording_goes_to_the_bucket_and_comes_from_it(server, bucket, make_org, make_worker):
    org, worker, content = make_org(server), make_worker(server), wav()
    task = org.open_task(modalities=["audio"])
    worker.accept(task)
    announced = worker.post(task, "uploads", announcement(content, "audio/wav")).json()
    assert announced["url"].startswith(bucket.url)
    assert httpx.put(announced["url"], content=content[:-1] + b"?", headers=announced["headers"]).status_code >= 400
    assert httpx.put(announced["url"], content=content, headers=announced["headers"]).status_code == 200
    worker.prove(task, uploads=[announced["upload_id"]], text="At the corner.")
    found, = submissions(org, task, status="pending")
    assert found["duration_seconds"] == 2
    assert found["media_url"].startswith(bucket.url) and "X-Amz-Expires=3600" in found["media_url"]
    assert [httpx.get(media["url"]).content for media in found["media"]] == [content, b"At the corner."]


def test_while_the_bucket_is_away_a_proof_waits(server, bucket, make_org, make_worker):
    org, worker = make_org(server), make_worker(server)
    task = org.open_task(modalities=["text"])
    worker.accept(task)
    bucket.fails_with = 500
    refused = worker.post(task, "proof", {"text": "What I saw."})
    assert refused.status_code == 503 and int(refused.headers["Retry-After"]) > 0
    assert submissions(org, task, status="pending") == []
    bucket.fails_with = 0
    worker.prove(task, text="What I saw.")
