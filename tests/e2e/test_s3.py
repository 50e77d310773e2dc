"""Media in S3: what signed URLs let a client do, and what the store says of the objects."""
from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

import httpx
import pytest

import s3_server
import tools
from s3_server import BUCKET, S3Server

KEY = "proofs/01hx4nvzgw"
CONTENT = b"the street was busy " * 100
PREFIX = "production/"


@pytest.fixture
def s3() -> Iterator[S3Server]:
    server = S3Server()
    yield server
    server.close()


def call(server_url: str, action: str, **fields) -> dict:
    return tools.run("s3_store", {
        "endpoint": server_url, "bucket": BUCKET, "access_key_id": s3_server.ACCESS_KEY_ID,
        "secret_access_key": s3_server.SECRET_ACCESS_KEY, "key_prefix": PREFIX, "server_checks_sha256": False,
        "timeout_ms": 20_000, "key": KEY, "action": action, **fields})


def spec_of(content: bytes, **changes) -> dict:
    return {"key": KEY, "content_type": "video/mp4", "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(), **changes}


def checksum_of(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def upload(signed: dict, content: bytes = CONTENT, **headers: str) -> httpx.Response:
    return httpx.put(signed["url"], content=content, headers=signed["headers"] | headers, trust_env=False)


def sign_upload(s3: S3Server, content: bytes = CONTENT, **fields) -> dict:
    return call(s3.url, "sign_upload", spec=spec_of(content), **fields)


# Uploads

@pytest.mark.parametrize("content", [CONTENT, b"", b"\0\xff" * 5_000_000], ids=["some", "none", "much"])
@pytest.mark.parametrize("server_checks_sha256", [True, False])
def test_what_was_uploaded_is_found_as_it_was_announced(s3, content, server_checks_sha256):
    assert call(s3.url, "find").get("spec") is None
    assert upload(sign_upload(s3, content), content).status_code == 200
    assert s3.keys() == [PREFIX + KEY]
    assert call(s3.url, "find", server_checks_sha256=server_checks_sha256) == {"spec": spec_of(content)}


def test_a_server_that_checks_is_believed_without_reading(s3):
    upload(sign_upload(s3))
    s3.requests.clear()
    assert call(s3.url, "find", server_checks_sha256=True)["spec"] == spec_of(CONTENT)
    assert s3.requests == ["HEAD"]
    call(s3.url, "find", server_checks_sha256=False)
    assert s3.requests == ["HEAD", "HEAD", "GET"]


def test_where_the_server_keeps_no_checksum_the_object_is_read(s3):
    s3.keeps_sha256 = False
    upload(sign_upload(s3))
    assert call(s3.url, "find", server_checks_sha256=True)["spec"] == spec_of(CONTENT)
    assert "GET" in s3.requests


def test_other_content_of_the_same_size_is_refused(s3):
    other = CONTENT.swapcase()
    answer = upload(sign_upload(s3), other)
    assert answer.status_code == 400
    assert s3.keys() == []


def test_a_server_that_does_not_check_is_caught(s3):
    s3.checks_sha256 = False
    other = CONTENT.swapcase()
    assert upload(sign_upload(s3), other).status_code == 200
    found = call(s3.url, "find")["spec"]
    assert found == spec_of(other) != spec_of(CONTENT)


@pytest.mark.parametrize("headers", [
    {"Content-Type": "text/html"},
    {"x-amz-checksum-sha256": checksum_of(CONTENT.swapcase())},
    {"x-amz-acl": "public-read"},
    {"x-amz-storage-class": "GLACIER"},
], ids=lambda headers: next(iter(headers)))
def test_an_upload_has_exactly_the_signed_headers(s3, headers):
    assert upload(sign_upload(s3), **headers).status_code == 403
    assert s3.keys() == []


def test_an_upload_leaves_no_signed_header_out(s3):
    signed = sign_upload(s3)
    for name in ("Content-Type", "x-amz-checksum-sha256"):
        headers = {key: value for key, value in signed["headers"].items() if key != name}
        assert httpx.put(signed["url"], content=CONTENT, headers=headers, trust_env=False).status_code == 403
    assert s3.keys() == []


def test_an_upload_has_the_signed_size(s3):
    for content in (CONTENT + b"x", CONTENT[:-1], b""):
        assert upload(sign_upload(s3), content, **{"Content-Length": str(len(content))}).status_code == 403
    assert s3.keys() == []


# URLs

ALTERATIONS = [
    ("/proofs/01hx4nvzgw", "/proofs/01hx4nvzgx"),
    (PREFIX, "staging/"),
    (f"/{BUCKET}/", "/other/"),
    ("X-Amz-Expires=60", "X-Amz-Expires=6000"),
    ("X-Amz-Date=2", "X-Amz-Date=3"),
    ("us-east-1", "us-east-2"),
    ("X-Amz-Credential=AKIA", "X-Amz-Credential=BKIA"),
    ("X-Amz-SignedHeaders=", "X-Amz-SignedHeaders=accept%3B"),
    ("&X-Amz-Signature=", "&versionId=1&X-Amz-Signature="),
    ("&X-Amz-Signature=", "&X-Amz-Signature=0"),
    ("X-Amz-Signature", "x-amz-signature"),
]


@pytest.mark.parametrize(("what", "other"), ALTERATIONS)
def test_an_altered_url_is_worth_nothing(s3, what, other):
    signed = sign_upload(s3)
    assert what in signed["url"]
    signed["url"] = signed["url"].replace(what, other, 1)
    assert upload(signed).status_code in (400, 403)
    assert s3.keys() == []

    upload(sign_upload(s3))
    url = call(s3.url, "sign_download")["url"]
    assert httpx.get(url, trust_env=False).status_code == 200
    assert what in url
    assert httpx.get(url.replace(what, other, 1), trust_env=False).status_code in (400, 403)


def test_a_url_is_for_one_method(s3):
    signed = sign_upload(s3)
    for method in ("GET", "DELETE", "POST"):
        answer = httpx.request(method, signed["url"], headers=signed["headers"], content=CONTENT, trust_env=False)
        assert answer.status_code == 403
    upload(signed)
    url = call(s3.url, "sign_download")["url"]
    assert httpx.put(url, content=b"x", trust_env=False).status_code == 403
    assert httpx.delete(url, trust_env=False).status_code == 403
    assert s3.keys() == [PREFIX + KEY]


def test_an_expired_url_is_worth_nothing(s3):
    assert upload(sign_upload(s3, age_s=60, valid_s=60)).status_code == 403
    assert s3.keys() == []
    assert upload(sign_upload(s3, age_s=60, valid_s=120)).status_code == 200
    assert httpx.get(call(s3.url, "sign_download", age_s=60, valid_s=60)["url"], trust_env=False).status_code == 403


def test_a_download_says_how_long_it_is_good_and_gives_ranges(s3):
    upload(sign_upload(s3))
    url = call(s3.url, "sign_download", valid_s=3600)["url"]
    assert "X-Amz-Expires=3600&" in url
    whole = httpx.get(url, trust_env=False)
    assert whole.content == CONTENT and whole.headers["Content-Type"] == "video/mp4"
    part = httpx.get(url, headers={"Range": "bytes=4-9"}, trust_env=False)
    assert part.status_code == 206 and part.content == b"street"


# Our own calls

def test_objects_are_put_read_and_removed(s3):
    text = "The street was busy. Grüße! "
    spec = spec_of(text.encode(), content_type="text/plain")
    assert call(s3.url, "put", spec=spec, content=text) == {}
    assert call(s3.url, "put", spec=spec, content=text) == {}
    assert call(s3.url, "find") == {"spec": spec}
    assert call(s3.url, "read", offset=0, max_bytes=1000) == {"content": text}
    assert call(s3.url, "read", offset=4, max_bytes=6) == {"content": "street"}
    assert call(s3.url, "read", offset=len(text.encode()) - 2, max_bytes=1000) == {"content": "! "}
    assert call(s3.url, "read", offset=len(text.encode()), max_bytes=10) == {"content": ""}
    assert call(s3.url, "read", offset=10**12, max_bytes=10) == {"content": ""}
    assert call(s3.url, "remove") == {}
    assert call(s3.url, "remove") == {}
    assert call(s3.url, "find") == {}
    assert s3.keys() == []


def test_an_empty_object_can_be_read(s3):
    assert call(s3.url, "put", spec=spec_of(b""), content="") == {}
    assert call(s3.url, "find") == {"spec": spec_of(b"")}
    assert call(s3.url, "read", offset=0, max_bytes=10) == {"content": ""}


def test_a_missing_object_cannot_be_read(s3):
    assert "404 NoSuchKey" in call(s3.url, "read", offset=0, max_bytes=10)["error"]


def test_other_objects_of_the_bucket_are_not_ours(s3):
    s3.backend.put_object(BUCKET, KEY, b"somebody else's")
    assert call(s3.url, "find") == {}


@pytest.mark.parametrize("action", ["find", "put", "read", "remove"])
def test_a_store_that_cannot_be_used_is_an_error(s3, action):
    fields = {"spec": spec_of(b"x"), "content": "x", "offset": 0, "max_bytes": 10}
    assert "403" in call(s3.url, action, secret_access_key="wrong", **fields)["error"]
    s3.fails_with = 503
    assert "503" in call(s3.url, action, **fields)["error"]
    s3.close()
    assert call(s3.url, action, **fields)["error"]
