"""Uploads through signed URLs and downloads of what was handed in: all that can go wrong between two machines."""
import concurrent.futures
import datetime
import hashlib
import re
import socket
import struct
import urllib.parse

import httpx
import pytest

import workers
from harness import plain_client, wait_for
from workers import announcement, error_of, path_of, png, sha256, wav, wrong_fields

MIB = 1024 * 1024


@pytest.fixture
def browser(server):
    """Whoever has the URL: no credential goes with it."""
    with server.client() as client:
        yield client


@pytest.fixture
def task(org):
    return org.open_task(modalities=["audio", "image", "video", "text"])


@pytest.fixture
def leased(worker, task):
    """The worker, with a lease on the task."""
    worker.accept(task)
    return worker


@pytest.fixture
def shown(server, org, worker, task, leased):
    """A recording that was handed in, as (path with signature, content)."""
    content = wav(1)
    made = worker.prove(task, uploads=[worker.upload(task, content, "audio/wav")])
    found = org.http.get(f"/api/v1/submissions/{made['id']}").json()
    return path_of(found["media_url"]), content


def changed(url: str, **parameters) -> str:
    """The path with other query parameters; `...` takes one out."""
    parts = urllib.parse.urlsplit(path_of(url))
    query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
    query |= {name.replace("_", "-") if name.startswith("X") else name: value for name, value in parameters.items()}
    query = {name: value for name, value in query.items() if value is not ...}
    return parts.path + "?" + urllib.parse.urlencode(query)


def missing(worker, task, announced: dict) -> bool:
    """Whether the server has not got the object: only then does a proof say so, and changes nothing."""
    response = worker.post(task, "proof", {"uploads": [announced["upload_id"]]})
    return response.status_code == 409 and response.json()["reason"] == "upload_missing"


# Announcing


@pytest.mark.smoke
def test_what_an_announcement_answers(task, leased):
    content = wav()
    response = leased.post(task, "uploads", announcement(content, "audio/wav", filename="street.wav"))
    assert response.status_code == 201, response.text
    assert re.fullmatch(r"tasks\.\d+\.\d+", response.headers["Journal-Position"])
    announced = response.json()
    assert list(announced) == ["upload_id", "method", "url", "headers", "expires_at"]
    assert re.fullmatch(r"upl_[0-9a-hjkmnp-tv-z]{26}", announced["upload_id"])
    assert announced["method"] == "PUT"
    assert announced["headers"] == {"Content-Type": "audio/wav"}
    assert "X-Amz-Expires=3600" in announced["url"]
    expires = datetime.datetime.fromisoformat(announced["expires_at"])
    assert abs((expires - datetime.datetime.now(datetime.UTC)).total_seconds() - 3600) < 120
    assert "street" not in announced["url"]


@pytest.mark.parametrize(("changes", "fields"), [
    ({"bytes": 0}, ["bytes"]), ({"bytes": -1}, ["bytes"]), ({"bytes": 2**30 + 1}, ["bytes"]), ({"bytes": "5"}, ["bytes"]),
    ({"bytes": 1.5}, ["bytes"]), ({"bytes": 2**63}, ["bytes"]), ({"bytes": ...}, ["bytes"]),
    ({"sha256": "x"}, ["sha256"]), ({"sha256": "A" * 64}, ["sha256"]), ({"sha256": "a" * 63}, ["sha256"]), ({"sha256": ...}, ["sha256"]),
    ({"sha256": "../" + "a" * 61}, ["sha256"]),
    ({"content_type": "text/html"}, ["content_type"]), ({"content_type": "audio/wav; charset=x"}, ["content_type"]),
    ({"content_type": "audio/"}, ["content_type"]), ({"content_type": "audio/x\r\nX: y"}, ["content_type"]),
    ({"content_type": "application/octet-stream"}, ["content_type"]), ({"content_type": None}, ["content_type"]),
    ({"filename": "x" * 256}, ["filename"]), ({"filename": 7}, ["filename"]), ({"key": "x"}, ["key"]),
    ({"bytes": 0, "sha256": "", "content_type": ""}, ["bytes", "content_type", "sha256"]),
])
def test_announcements_that_are_none(task, leased, changes, fields):
    response = leased.post(task, "uploads", announcement(wav(), "audio/wav", **changes))
    assert sorted(path for path, _ in wrong_fields(response)) == fields


@pytest.mark.parametrize("filename", ["../../etc/passwd", "a/b", "", "😀.wav", "x\n"])
def test_a_filename_is_only_a_name(task, leased, browser, filename):
    announced = leased.announce(task, wav(), "audio/wav", filename=filename)
    assert leased.put(announced, wav()).status_code == 200
    assert not missing(leased, task, announced)


def test_announcing_is_idempotent(task, leased):
    body = announcement(wav(), "audio/wav")
    first, again = (leased.post(task, "uploads", body, key="one") for _ in range(2))
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    error_of(leased.post(task, "uploads", {**body, "filename": "x"}, key="one"), 409, "idempotency_key_reused")
    assert leased.post(task, "uploads", body, key="two").json()["upload_id"] != first.json()["upload_id"]


def test_a_lease_has_so_many_uploads(task, leased):
    for number in range(8):
        leased.announce(task, png(seed=number), "image/png")
    error_of(leased.post(task, "uploads", announcement(png(seed=8), "image/png")), 409, "conflict")


def test_a_configured_limit(fresh_server, make_org, make_worker):
    server = fresh_server(settings={"workers": {"max_upload_bytes": 1024}})
    worker, task = make_worker(server), make_org(server).open_task(modalities=["text"])
    worker.accept(task)
    response = worker.post(task, "uploads", announcement(b"x" * 1025, "text/plain"))
    assert wrong_fields(response) == [("bytes", "out_of_range")]
    worker.upload(task, b"x" * 1024, "text/plain")


# Uploading


def test_sending_it_again_changes_nothing(task, leased):
    announced = leased.announce(task, wav(), "audio/wav")
    answers = [leased.put(announced, wav()) for _ in range(3)]
    assert [(answer.status_code, answer.content) for answer in answers] == [(200, b"")] * 3
    assert {answer.headers["ETag"] for answer in answers} == {f'"{sha256(wav())}"'}
    leased.prove(task, uploads=[announced["upload_id"]])
    assert leased.put(announced, wav()).status_code == 200
    assert leased.put(announced, wav(seed=1)).status_code == 400, "nor after it was handed in"


def test_sending_it_at_once(task, leased):
    content = wav(20)
    announced = leased.announce(task, content, "audio/wav")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: leased.put(announced, content), range(8)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert {answer.json()["error"]["details"]["reason"] for answer in answers if answer.status_code == 409} <= {"upload_running"}
    assert 200 in {answer.status_code for answer in answers}
    assert leased.prove(task, uploads=[announced["upload_id"]])


@pytest.mark.parametrize(("content", "status"), [
    (wav(seed=1), 400), (wav()[:-1], 400), (wav() + b"x", 413), (b"", 400), (wav()[::-1], 400), (wav() * 3, 413),
])
@pytest.mark.parametrize("chunked", [False, True])
def test_other_bytes(task, leased, content, status, chunked):
    announced = leased.announce(task, wav(), "audio/wav")
    response = leased.put(announced, iter([content]) if chunked else content)
    assert response.status_code == status, response.text
    assert missing(leased, task, announced)
    assert leased.put(announced, iter([wav()]) if chunked else wav()).status_code == 200
    assert not missing(leased, task, announced)


@pytest.mark.parametrize("headers", [{"Content-Type": "audio/mpeg"}, {"Content-Type": "text/html"}, {},
                                     {"Content-Type": "audio/wav; x=y"}])
def test_another_type(task, leased, browser, headers):
    announced = leased.announce(task, wav(), "audio/wav")
    response = browser.put(path_of(announced["url"]), content=wav(), headers=headers)
    assert response.status_code in (400, 415), response.text
    assert missing(leased, task, announced)


def test_an_upload_that_is_cut_off(server, task, leased):
    content = wav(60)
    announced = leased.announce(task, content, "audio/wav")
    url = httpx.URL(server.base_url)
    head = (f"PUT {path_of(announced['url'])} HTTP/1.1\r\nHost: x\r\nContent-Type: audio/wav\r\n"
            f"Content-Length: {len(content)}\r\n\r\n").encode()
    for part in (b"", content[:1], content[: len(content) // 2], content[:-1]):
        with socket.create_connection((url.host, url.port), timeout=30) as connection:
            connection.sendall(head + part)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
        assert missing(leased, task, announced)
    incoming = server.data / "media" / "incoming"
    wait_for(lambda: not any(incoming.iterdir()), "what was cut off is thrown away")
    assert leased.put(announced, content).status_code == 200
    assert not missing(leased, task, announced)


def test_a_kill_in_the_middle_of_an_upload(fresh_server, make_org, make_worker):
    server = fresh_server()
    worker, org = make_worker(server), make_org(server)
    task = org.open_task(modalities=["audio"])
    worker.accept(task)
    content = wav(400)
    announced = worker.announce(task, content, "audio/wav")

    def pieces():
        yield content[: 2 * MIB]
        wait_for(lambda: any((server.data / "media" / "incoming").iterdir()), "the first piece is being stored")
        server.kill()
        yield content[2 * MIB :]

    with server.client() as browser, pytest.raises(httpx.TransportError):
        browser.put(path_of(announced["url"]), content=pieces(), headers=announced["headers"])
    server.start()
    assert not any((server.data / "media" / "incoming").iterdir())
    assert missing(worker, task, announced)
    assert worker.put(announced, content).status_code == 200, "the URL outlives the process"
    server.kill()
    server.start()
    assert worker.prove(task, uploads=[announced["upload_id"]]), "and so does what was acknowledged"


# Signatures


def test_upload_urls_that_we_did_not_sign(server, org, task, leased, browser, make_worker):
    other = make_worker(server)
    other.accept(task)
    content, elsewhere = wav(), leased.announce(task, wav(seed=5), "audio/wav")
    announced = leased.announce(task, content, "audio/wav")
    url = announced["url"]
    theirs = other.announce(task, content, "audio/wav")
    owner, name = path_of(url).split("?")[0].split("/")[2:]
    signature = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["X-Amz-Signature"][0]
    flipped = ("0" if signature[0] != "0" else "1") + signature[1:]
    later = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)).strftime("%Y%m%dT%H%M%SZ")
    forged = {
        "signature": changed(url, X_Amz_Signature=flipped), "no signature": changed(url, X_Amz_Signature=...),
        "empty signature": changed(url, X_Amz_Signature=""), "upper case": changed(url, X_Amz_Signature=signature.upper()),
        "longer": changed(url, X_Amz_Expires="604800"), "for ever": changed(url, X_Amz_Expires="9" * 18),
        "negative": changed(url, X_Amz_Expires="-1"), "expired": changed(url, X_Amz_Date="20200101T000000Z"),
        "later": changed(url, X_Amz_Date=later), "no date": changed(url, X_Amz_Date=...), "no expiry": changed(url, X_Amz_Expires=...),
        "size": changed(url, bytes=str(len(content) + 1)), "hash": changed(url, sha256=sha256(b"x")),
        "type": changed(url, content_type="text/html"), "no query": path_of(url).split("?")[0],
        "another object": path_of(url).replace(name, path_of(elsewhere["url"]).split("?")[0].split("/")[3]),
        "another owner": path_of(url).replace(owner, path_of(theirs["url"]).split("/")[2]),
        "an invented object": path_of(url).replace(f"/{name}?", f"/{'0' * 64}?"),
        "case of the name": path_of(url).replace(f"/{name}?", f"/{name.upper()}?"),
    }
    for what, path in forged.items():
        response = browser.put(path, content=content, headers=announced["headers"])
        assert response.status_code in (403, 404), (what, response.status_code, response.text)
        assert missing(leased, task, announced), what
    assert missing(other, task, theirs)
    assert leased.put(announced, content).status_code == 200


def test_an_upload_url_is_for_uploading(task, leased, browser):
    announced = leased.announce(task, wav(), "audio/wav")
    leased.put(announced, wav())
    path = path_of(announced["url"])
    assert browser.get(path).status_code == 403
    assert browser.head(path).status_code == 403
    for method in ("POST", "DELETE", "PATCH"):
        response = browser.request(method, path)
        assert response.status_code == 405, response.text
        assert {"GET", "PUT"} <= {name.strip() for name in response.headers["Allow"].split(",")}


def test_download_urls_that_we_did_not_sign(server, org, shown, browser, make_worker, task):
    path, content = shown
    url = "http://x" + path
    assert browser.get(path).content == content
    signature = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["X-Amz-Signature"][0]
    flipped = ("0" if signature[0] != "0" else "1") + signature[1:]
    for wrong in (changed(url, X_Amz_Signature=flipped), changed(url, X_Amz_Signature=...), changed(url, X_Amz_Expires="3601"),
                  changed(url, X_Amz_Date="20200101T000000Z"), changed(url, X_Amz_Date=...), path.split("?")[0],
                  changed(url, X_Amz_Expires="-3600"), path.replace("/media/", "/media//")):
        response = browser.get(wrong)
        assert response.status_code in (403, 404), wrong
        assert content not in response.content
    response = browser.put(path, content=content, headers={"Content-Type": "audio/wav"})
    assert response.status_code == 403, "what may be read may not be written"
    assert browser.get(path).content == content


@pytest.mark.parametrize("path", [
    "/media/..%2f..%2fmaster.key/x", "/media/x/y", "/media/%2e%2e/master.key", "/media/../master.key", "/media/",
    "/media/asg_" + "0" * 26 + "/" + "0" * 64, "/media/asg_" + "0" * 26 + "/..%2f..%2f..%2fmaster.key", "/media/%00/%00",
    "/media/asg_" + "0" * 26 + "/" + "0" * 63 + "%00", "/media/incoming/0", "/media/x",
])
def test_paths_to_nowhere(browser, path):
    for response in (browser.get(path), browser.put(path, content=b"x", headers={"Content-Type": "text/plain"})):
        assert response.status_code in (400, 403, 404), (path, response.status_code, response.text)


# Downloading


@pytest.mark.smoke
def test_a_download(shown, browser):
    path, content = shown
    response = browser.get(path)
    assert (response.status_code, response.content) == (200, content)
    assert response.headers["ETag"] == f'"{sha256(content)}"'
    assert response.headers["Accept-Ranges"] == "bytes"
    assert response.headers["Content-Type"].startswith("audio/")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response.headers["Content-Security-Policy"]
    assert "private" in response.headers["Cache-Control"]
    head = browser.head(path)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("ETag", "Content-Length", "Content-Type", "Accept-Ranges"):
        assert head.headers[name] == response.headers[name]


@pytest.mark.parametrize(("asked", "first", "last"), [
    ("bytes=0-0", 0, 0), ("bytes=0-99", 0, 99), ("bytes=100-", 100, 8043), ("bytes=-100", 7944, 8043), ("bytes=8043-", 8043, 8043),
    ("bytes=0-999999", 0, 8043), ("bytes=-999999", 0, 8043), ("bytes=8000-9999999999999999999999", 8000, 8043), ("BYTES=1-2", 1, 2),
])
def test_ranges(shown, browser, asked, first, last):
    path, content = shown
    assert len(content) == 8044
    response = browser.get(path, headers={"Range": asked})
    assert response.status_code == 206
    assert response.headers["Content-Range"] == f"bytes {first}-{last}/8044"
    assert int(response.headers["Content-Length"]) == last - first + 1
    assert response.content == content[first : last + 1]
    assert browser.head(path, headers={"Range": asked}).status_code in (200, 206)


@pytest.mark.parametrize("asked", ["bytes=8044-", "bytes=8044-9000", "bytes=-0", "bytes=99999999999999999999-"])
def test_ranges_beyond_the_end(shown, browser, asked):
    response = browser.get(shown[0], headers={"Range": asked})
    assert response.status_code == 416
    assert response.headers["Content-Range"] == "bytes */8044"


@pytest.mark.parametrize("asked", ["bytes=5-2", "bytes=a-b", "lines=1-2", "bytes", "bytes=", "bytes=-", "bytes=0-1,3-4", "0-1"])
def test_ranges_that_are_none(shown, browser, asked):
    """What is no range, or is several, may be ignored; then all of it comes."""
    path, content = shown
    response = browser.get(path, headers={"Range": asked})
    assert (response.status_code, response.content) == (200, content)


def test_conditions(shown, browser):
    path, content = shown
    etag = browser.get(path).headers["ETag"]

    def status(**headers) -> int:
        return browser.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()}).status_code

    assert status(If_None_Match=etag) == 304
    assert status(If_None_Match=f'"x", W/{etag}') == 304
    assert status(If_None_Match="*") == 304
    assert status(If_None_Match='"x"') == 200
    assert status(If_None_Match=etag, Range="bytes=0-1") == 304
    assert status(If_Range=etag, Range="bytes=0-1") == 206
    assert status(If_Range='"x"', Range="bytes=0-1") == 200
    assert status(If_Range=f"W/{etag}", Range="bytes=0-1") == 200, "a weak validator is no ground for a part"
    assert status(If_Range="Sun, 22 Nov 2026 16:00:00 GMT", Range="bytes=0-1") == 200
    assert status(If_Range=etag) == 200
    unchanged = browser.get(path, headers={"If-None-Match": etag})
    assert (unchanged.content, unchanged.headers["ETag"]) == (b"", etag)


def test_resuming_a_download(shown, browser):
    path, content = shown
    etag, parts = browser.get(path).headers["ETag"], []
    while sum(map(len, parts)) < len(content):
        got = sum(map(len, parts))
        response = browser.get(path, headers={"Range": f"bytes={got}-{got + 999}", "If-Range": etag})
        assert response.status_code == 206
        parts.append(response.content)
    assert b"".join(parts) == content


# Memory


def resident_kib(pid: int) -> int:
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(next(line for line in status if line.startswith("VmRSS:")).split()[1])


@pytest.mark.slow
def test_two_hundred_megabytes_pass_through(fresh_server, make_org, make_worker):
    """A long recording goes up and comes down in pieces: the server's memory does not grow with its length."""
    server = fresh_server()
    org, worker = make_org(server), make_worker(server)
    task = org.open_task(modalities=["audio"])
    worker.accept(task)
    size, seconds = 200 * 1000 * 1000, (200 * 1000 * 1000 - 44) / 8000
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", size - 8, b"WAVE", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8, b"data",
                       size - 44)

    def pieces():
        yield head
        block, left = bytes(range(256)) * 4096, size - len(head)
        while left > 0:
            yield block[:left]
            left -= len(block)

    digest = hashlib.sha256()
    for piece in pieces():
        digest.update(piece)
    warm_up = worker.announce(task, wav(60), "audio/wav")
    assert worker.put(warm_up, wav(60)).status_code == 200
    response = worker.post(task, "uploads", {"content_type": "audio/wav", "bytes": size, "sha256": digest.hexdigest()})
    assert response.status_code == 201, response.text
    announced = response.json()
    before, highest = resident_kib(server.pid), 0

    def watched(source):
        nonlocal highest
        for number, piece in enumerate(source):
            if number % 4 == 0:
                highest = max(highest, resident_kib(server.pid))
            yield piece

    with plain_client(base_url=server.base_url, timeout=120) as browser:
        stored = browser.put(path_of(announced["url"]), content=watched(pieces()),
                             headers={**announced["headers"], "Content-Length": str(size)})
        assert stored.status_code == 200, stored.text
        assert highest - before < 20 * 1024, "while it went up"
        made = worker.prove(task, uploads=[announced["upload_id"]])
        assert resident_kib(server.pid) - before < 20 * 1024, "after its length was measured"
        found = org.http.get(f"/api/v1/submissions/{made['id']}").json()
        assert found["duration_seconds"] == round(seconds)
        downloaded = hashlib.sha256()
        with browser.stream("GET", path_of(found["media_url"])) as response:
            for piece in watched(response.iter_raw(MIB)):
                downloaded.update(piece)
    assert downloaded.digest() == digest.digest()
    assert highest - before < 20 * 1024, "while it came down"
