"""Media that people really bring, and files that strangers make: what is taken, what is refused, and where it is looked at."""
from __future__ import annotations

import base64
import os
import pathlib
import signal
import socket
import time

import httpx
import pytest

import media_corpus
from harness import wait_for
from workers import BASE, announcement, path_of, png, wav, wrong_fields

TEXT = "text/plain"
MODALITIES = ["video", "audio", "image", "text"]


@pytest.fixture(scope="module")
def corpus() -> pathlib.Path:
    return media_corpus.folder()


@pytest.fixture
def wide_server(fresh_server):
    """A lease there may bring a hundred files."""
    return fresh_server(settings={"workers": {"max_lease_uploads": 100}})


def in_parts(items: list, size: int = 8) -> list[list]:
    return [items[at : at + size] for at in range(0, len(items), size)]


def test_what_must_be_taken(wide_server, make_org, make_worker, corpus):
    org, worker = make_org(wide_server), make_worker(wide_server)
    files = [(recipe.name, (corpus / recipe.name).read_bytes(), recipe.type, recipe.least, recipe.most) for recipe in media_corpus.MADE]
    files += [(name, content, type_, None, None) for name, (content, type_) in media_corpus.derived(corpus).items()]
    wrong = []
    for part in in_parts(files):
        task = org.open_task(modalities=MODALITIES)
        worker.accept(task)
        uploads = []
        for name, content, type_, _, _ in part:
            announced = worker.announce(task, content, type_, filename=name)
            assert worker.put(announced, content).status_code == 200, name
            uploads.append(announced["upload_id"])
        response = worker.post(task, "proof", {"uploads": uploads})
        if response.status_code != 201:
            wrong.append(([name for name, *_ in part], response.text))
            continue
        found = org.http.get(f"/api/v1/submissions/{response.json()['submission']['id']}").json()["media"]
        for (name, _, type_, least, _), media in zip(part, found, strict=True):
            if media["content_type"] != type_:
                wrong.append((name, media["content_type"]))
            if least is not None and media["duration_seconds"] != 1:
                wrong.append((name, media["duration_seconds"]))
    assert wrong == []


def test_what_must_be_refused(wide_server, make_org, make_worker, corpus):
    org, worker = make_org(wide_server), make_worker(wide_server)
    wrong = []
    for part in in_parts(list(media_corpus.broken(corpus).items()), 99):
        task = org.open_task(modalities=MODALITIES)
        worker.accept(task)
        for name, (content, type_) in part:
            upload = worker.upload(task, content, type_)
            response = worker.post(task, "proof", {"uploads": [upload]})
            if response.status_code != 400 or wrong_fields(response) != [("uploads[0]", "invalid_value")]:
                wrong.append((name, response.status_code, response.text))
        assert worker.prove(task, text="And then a good one.")
    assert wrong == []


# Announcing


@pytest.mark.parametrize(("declared", "name", "content"), [
    ("audio/x-wav", "audio/wav", wav()), ("AUDIO/WAVE", "audio/wav", wav()), ("audio/vnd.wave", "audio/wav", wav()),
    ("image/jpg", "image/jpeg", None), ("image/x-png", "image/png", png()),
])
def test_an_alias_works(org, worker, declared, name, content):
    content = content or (media_corpus.FIXTURES / "image.jpg").read_bytes()
    task = org.open_task(modalities=["audio", "image"])
    worker.accept(task)
    announced = worker.announce(task, content, declared)
    assert announced["headers"] == {"Content-Type": name}
    with worker.server.client() as nobody:
        assert nobody.put(path_of(announced["url"]), content=content, headers={"Content-Type": declared}).status_code == 200
    made = worker.prove(task, uploads=[announced["upload_id"]])
    assert org.http.get(f"/api/v1/submissions/{made['id']}").json()["media"][0]["content_type"] == name


@pytest.mark.parametrize(("declared", "file"), [
    ("video/mp4", "video.mov"), ("video/quicktime", "video.mp4"), ("video/webm", "video.mkv"), ("video/mp4", "video.webm"),
    ("video/webm;codecs=vp8,opus", "recorder.webm"), ("video/webm; codecs=\"vp8, opus\"", "recorder.webm"),
    ("video/x-matroska;codecs=avc1", "video.mkv"), ("application/octet-stream", "video.mov"),
])
def test_a_film_under_another_name(org, worker, declared, file):
    task = org.open_task(modalities=["video"])
    worker.accept(task)
    content = (media_corpus.FIXTURES / file).read_bytes()
    announced = worker.announce(task, content, declared, filename=file.upper())
    assert worker.put(announced, content).status_code == 200
    worker.prove(task, uploads=[announced["upload_id"]])


@pytest.mark.parametrize(("declared", "file"), [("video/mp4", "audio_only.mp4"), ("video/webm", "audio.webm"), ("video/ogg", "audio.ogg")])
def test_sound_in_a_container_of_films(org, worker, declared, file):
    """Browsers go by the extension, and call every .webm a video."""
    content = (media_corpus.FIXTURES / file).read_bytes()
    for modality, status in (("audio", 201), ("video", 400)):
        task = org.open_task(modalities=[modality])
        worker.accept(task)
        response = worker.post(task, "proof", {"uploads": [worker.upload(task, content, declared)]})
        assert response.status_code == status, response.text


@pytest.mark.parametrize(("changes", "fields"), [
    ({"content_type": "video/x-ms-wmv"}, ["content_type"]), ({"content_type": "video/x-flv"}, ["content_type"]),
    ({"content_type": "image/svg+xml"}, ["content_type"]), ({"content_type": "application/pdf"}, ["content_type"]),
    ({"content_type": "video/mp4; charset=x"}, ["content_type"]), ({"content_type": "video/webm;codecs=\x01"}, ["content_type"]),
    ({"content_type": "text/plain"}, ["content_type"]), ({"content_type": "image/png"}, ["content_type"]),
    ({"content_type": "application/octet-stream"}, ["content_type"]),
    ({"content_type": "application/octet-stream", "filename": "x.bin"}, ["content_type", "filename"]),
    ({"filename": "holiday.WMV"}, ["filename"]), ({"filename": "a.mp4.exe"}, ["filename"]), ({"filename": "picture.heic"}, ["filename"]),
    ({"content_type": "image/png", "filename": "x.pdf", "bytes": 2**40}, ["bytes", "content_type", "filename"]),
])
def test_what_cannot_be_taken_is_refused_when_it_is_announced(org, worker, changes, fields):
    task = org.open_task(modalities=["video", "audio"])
    worker.accept(task)
    response = worker.post(task, "uploads", announcement(b"x", "video/mp4", **changes))
    assert sorted(path for path, _ in wrong_fields(response)) == fields
    if fields != ["bytes"]:
        assert "video/mp4" in response.text and "video/mp2t" in response.text and "audio/aiff" in response.text
    worker.announce(task, b"x", "video/mp4", filename="of no known kind.dat")


@pytest.mark.parametrize("head", [
    "data:image/png;base64,", "data:image/png;name=\"a,b;c\";base64,", "DATA:IMAGE/PNG;BASE64,", "data:image/x-png; base64,", "data:image/jpg;base64,",
])
def test_data_urls_as_people_write_them(org, worker, head):
    task = org.open_task(modalities=["image"])
    worker.accept(task)
    content = png(seed=7)
    made = worker.prove(task, data_urls=[head + base64.b64encode(content).decode()])
    media = org.http.get(f"/api/v1/submissions/{made['id']}").json()["media"][0]
    assert (media["content_type"], media["bytes"]) == ("image/png", len(content))


@pytest.mark.parametrize("head", ["data:video/webm;codecs=vp8,opus;base64,", "data:video/webm;codecs=\"vp8,opus\";base64,"])
def test_a_data_url_of_a_recorder(org, worker, head):
    task = org.open_task(modalities=["video"])
    worker.accept(task)
    content = (media_corpus.FIXTURES / "recorder.webm").read_bytes()
    made = worker.prove(task, data_urls=[head + base64.b64encode(content).decode()])
    assert org.http.get(f"/api/v1/submissions/{made['id']}").json()["media"][0]["content_type"] == "video/webm"


def test_a_text_in_a_data_url(org, worker):
    task = org.open_task(modalities=["text"])
    worker.accept(task)
    made = worker.prove(task, data_urls=["data:text/plain;charset=utf-8,Gr%C3%BC%C3%9Fe,%20alle"])
    assert org.http.get(f"/api/v1/submissions/{made['id']}").json()["media"][0]["bytes"] == len("Grüße, alle".encode())


# Strangers' files


def film_of_tables(tracks: int, samples: int, edits: int = 0) -> bytes:
    """An MP4 whose tables say in a few bytes that there are so many samples, and so many edits, each of the last one."""
    full = b"\0\0\0\0"
    box = media_corpus.box

    def number(value: int) -> bytes:
        return value.to_bytes(4, "big")

    def table(kind: bytes, *values: int) -> bytes:
        return box(kind, full + b"".join(number(value) for value in values))

    entry = box(b"mp4v", bytes(6) + b"\0\1" + bytes(16) + b"\0\x40\0\x30" + bytes(50))
    stbl = box(b"stbl", box(b"stsd", full + number(1) + entry) + table(b"stts", 1, samples, 1)
               + table(b"stsc", 1, 1, samples, 1) + table(b"stsz", 1, samples) + table(b"stco", 1, 48) + table(b"stss", 1, 1))
    hdlr = box(b"hdlr", full + bytes(4) + b"vide" + bytes(13))
    mdhd = box(b"mdhd", full + bytes(8) + number(1000) + number(samples) + bytes(4))
    mdia = box(b"mdia", mdhd + hdlr + box(b"minf", stbl))
    elst = (number(1) + number(samples - 2) + number(0x10000)) * edits
    edts = box(b"edts", box(b"elst", full + number(edits) + elst)) if edits else b""
    trak = b"".join(box(b"trak", box(b"tkhd", full + bytes(8) + number(track + 1) + bytes(68)) + edts + mdia) for track in range(tracks))
    mvhd = box(b"mvhd", full + bytes(8) + number(1000) + number(samples) + bytes(80))
    return box(b"ftyp", b"isom\0\0\2\0isom") + box(b"mdat", bytes(64)) + box(b"moov", mvhd + trak)


def bomb() -> bytes:
    """Some kilobytes that a parser turns into more than a gigabyte of index."""
    return film_of_tables(tracks=24, samples=2_500_000)


def treadmill() -> bytes:
    """72 KB that keep a parser busy for half a minute: each edit goes through all samples up to its own."""
    return film_of_tables(tracks=1, samples=2_000_000, edits=6_000)


def memory_kib(pid: int) -> int:
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1])
    raise AssertionError("a process without memory")


def descendants(pid: int) -> list[int]:
    found: list[int] = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            found += [int(child) for child in (task / "children").read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found + [below for child in found for below in descendants(child)]


def runs(pid: int) -> bool:
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def metric(server, name: str) -> float:
    with server.client() as client:
        lines = client.get(server.ops_url + "/metrics").text.splitlines()
    return float(next(line.rsplit(" ", 1)[1] for line in lines if line.startswith(name)))


def test_a_bomb_costs_the_server_nothing(fresh_server, make_org, make_worker):
    server = fresh_server()
    org, worker = make_org(server), make_worker(server)
    task = org.open_task(modalities=["video", "text"])
    worker.accept(task)
    first = worker.upload(task, (media_corpus.FIXTURES / "audio.ogg").read_bytes(), "video/ogg")
    assert worker.post(task, "proof", {"uploads": [first]}).status_code == 400
    before = memory_kib(server.pid)
    for content in (bomb(), film_of_tables(1, 0x7FFFFFFF), film_of_tables(1, 0x10000000, 10)):
        assert len(content) < 16_000
        upload = worker.upload(task, content, "video/mp4")
        response = worker.post(task, "proof", {"uploads": [upload]})
        assert response.status_code == 400, response.text
    assert memory_kib(server.pid) - before < 32 * 1024
    good = worker.upload(task, (media_corpus.FIXTURES / "video.mp4").read_bytes(), "video/mp4")
    worker.prove(task, uploads=[good])


def test_the_helper_has_nothing_and_ends_with_the_server(fresh_server):
    server = fresh_server()
    helpers = descendants(server.pid)
    assert len(helpers) == 1
    helper = helpers[0]
    assert pathlib.Path(f"/proc/{helper}/environ").read_bytes() in (b"",) or "SAN_OPTIONS" in pathlib.Path(f"/proc/{helper}/environ").read_text()
    targets = {os.readlink(entry) for entry in pathlib.Path(f"/proc/{helper}/fd").iterdir()}
    assert all(target == "/dev/null" or target.startswith(("socket:", "anon_inode:")) for target in targets), targets
    assert str(server.data) not in pathlib.Path(f"/proc/{helper}/maps").read_text()
    server.kill()
    wait_for(lambda: not runs(helper), "the helper has ended")
    server.start()
    helper = descendants(server.pid)[0]
    assert server.stop() == 0
    assert not runs(helper)


def test_a_helper_that_was_killed_is_replaced(fresh_server, make_org, make_worker):
    server = fresh_server()
    org, worker = make_org(server), make_worker(server)
    for _ in range(2):
        os.kill(descendants(server.pid)[0], signal.SIGKILL)
        task = org.open_task(modalities=["image"])
        worker.accept(task)
        worker.prove(task, uploads=[worker.upload(task, png(), "image/png")])


@pytest.mark.parametrize("ends", ["time", "client", "server"])
def test_endless_work_ends(fresh_server, make_org, make_worker, ends):
    """At its limit of processor time; or when the client has gone; or with the server, which does not wait for it."""
    server = fresh_server(settings={"http": {"drain_timeout_ms": 500}})
    org, worker = make_org(server), make_worker(server)
    task = org.open_task(modalities=["video", "text"])
    worker.accept(task)
    upload = worker.upload(task, treadmill(), "video/mp4")
    if ends == "time":
        assert wrong_fields(worker.post(task, "proof", {"uploads": [upload]})) == [("uploads[0]", "invalid_value")]
        worker.prove(task, text="And then a good one.")
        return
    url = httpx.URL(server.base_url)
    body = ('{"uploads":["%s"]}' % upload).encode()
    head = (f"POST {BASE}/tasks/{task['id']}/proof HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {worker.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode()
    with socket.create_connection((url.host, url.port), timeout=30) as connection:
        connection.sendall(head + body)
        looking = wait_for(lambda: descendants(server.pid)[1:], "a child looks at it")
        if ends == "server":
            assert server.stop() == 0
    wait_for(lambda: not any(runs(child) for child in looking), "whoever looked at it has ended")
    if ends == "client":
        assert metric(server, 'groundtruth_media_probes_total{outcome="stopped"}') == 1
        worker.prove(task, text="And then a good one.")


# Room


def test_a_day_has_a_budget(fresh_server, make_org, make_worker):
    server = fresh_server(settings={"workers": {"max_upload_bytes": 2000, "max_daily_upload_bytes": 5000}})
    org, worker, other = make_org(server), make_worker(server), make_worker(server)
    task = org.open_task(modalities=["text"])
    worker.accept(task)
    other.accept(task)
    body = announcement(b"a" * 2000, TEXT)
    first = worker.post(task, "uploads", body, key="one")
    assert first.status_code == 201
    assert worker.post(task, "uploads", body, key="one").content == first.content, "a retry costs nothing"
    assert worker.post(task, "uploads", announcement(b"b" * 2000, TEXT)).status_code == 201
    refused = worker.post(task, "uploads", announcement(b"c" * 2000, TEXT))
    assert refused.status_code == 429, refused.text
    answer = refused.json()
    assert (answer["code"], answer["reason"], answer["left_bytes"]) == ("rate_limited", "upload_budget", 1000)
    assert int(refused.headers["Retry-After"]) == answer["retry_after_seconds"] > 3600
    assert answer["available_at"] > time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    assert worker.post(task, "uploads", announcement(b"d" * 1000, TEXT)).status_code == 201
    assert other.post(task, "uploads", body).status_code == 201
    by_text = "data:text/plain;base64," + base64.b64encode(b"e" * 900).decode()
    assert worker.post(task, "proof", {"data_urls": [by_text]}).status_code == 429


def test_heads_shut_nobody_out(server, org, make_worker):
    """A hundred requests that send their heads alone, while others go on."""
    task = org.open_task(modalities=["audio"], target_submissions=50)
    hostile, honest = make_worker(server), make_worker(server)
    for each in (hostile, honest):
        each.accept(task)
    content = wav(30)
    announced = hostile.announce(task, content, "audio/wav")
    url = httpx.URL(server.base_url)
    head = (f"PUT {path_of(announced['url'])} HTTP/1.1\r\nHost: x\r\nContent-Type: audio/wav\r\n"
            f"Content-Length: {len(content)}\r\nExpect: 100-continue\r\n\r\n").encode()
    connections = [socket.create_connection((url.host, url.port), timeout=30) for _ in range(100)]
    try:
        for connection in connections:
            connection.sendall(head)
        for connection in connections:
            assert connection.recv(1024).startswith(b"HTTP/1.1 100")
        assert honest.upload(task, wav(31), "audio/wav")
    finally:
        for connection in connections:
            connection.close()


def test_a_lease_leaves_nothing_on_its_way(server, org, worker):
    """Given back in the middle of an upload, with two more tries at the same object beside it."""
    task = org.open_task(modalities=["audio"])
    worker.accept(task)
    content = wav(120)
    announced = worker.announce(task, content, "audio/wav")
    url = httpx.URL(server.base_url)
    incoming = server.data / "media" / "incoming"
    before = set(incoming.iterdir())
    head = (f"PUT {path_of(announced['url'])} HTTP/1.1\r\nHost: x\r\nContent-Type: audio/wav\r\n"
            f"Content-Length: {len(content)}\r\n\r\n").encode()
    with socket.create_connection((url.host, url.port), timeout=30) as connection:
        connection.sendall(head + content[: len(content) // 2])
        wait_for(lambda: set(incoming.iterdir()) - before, "the first piece is being stored")
        for _ in range(2):
            refused = worker.put(announced, content)
            assert refused.status_code == 409
            assert refused.json()["error"]["details"]["reason"] == "upload_running"
        assert len(set(incoming.iterdir()) - before) == 1
        assert worker.post(task, "release").status_code == 200
        wait_for(lambda: not set(incoming.iterdir()) - before, "what was on its way is gone")
    late = worker.put(announced, content)
    assert late.status_code == 409
    assert late.json()["error"]["details"]["reason"] == "lease_over"
