"""Broken surroundings: two servers on one directory, lost or damaged files, no room, no permission to write."""
from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

import chain
from harness import SEED_BODY, StartFailed, error_of, wait_for

PLACE = re.compile(r"(tasks/\d+|tasks\.\d+|offset \d+|seq \d+|journal\.db)")


def read_model_files(data: pathlib.Path) -> list[pathlib.Path]:
    """Every SQLite file that can be made again, with what SQLite keeps beside it."""
    files = [path for path in (data / "read_models").iterdir() if re.search(r"\.db(-wal|-shm)?$", path.name)]
    assert files, f"no read model among {sorted(p.name for p in data.rglob('*'))}"
    return files


def journal_file(server) -> pathlib.Path:
    return server.data / "journal.db"


def try_to_serve(server) -> tuple[bool, str]:
    """Starts on damaged data: (whether it became ready, what it said). One that runs but is not ready is ended."""
    server.damaged = True
    server.spawn()

    def settled():
        if not server.running:
            return "ended"
        # Not ready because of damage is a lasting state, and /readyz says which; still starting is not.
        if server.read_addresses():
            return {200: "ready", 503: "refusing"}.get(server.readyz())
        return None

    state = wait_for(settled, "the server ends, serves, or says that it does not", 60)
    said = server.log_tail(20_000)
    if state == "ended":
        assert server.wait() > 0, f"a clean exit code, or a crash by a signal:\n{said}"
    else:
        server.kill()
    return state == "ready", said


@pytest.fixture
def busy(fresh_server, make_org):
    """A stopped server with some history in one partition: (server, org, tasks in the order of their making)."""
    server = fresh_server()
    org = make_org(server)
    tasks = [org.create_task(title=f"a task with number {n:04}") for n in range(40)]
    assert server.stop() == 0
    return server, org, tasks


# Two processes

def test_a_second_server_says_who_holds_the_directory(fresh_server, make_org):
    first = fresh_server()
    org = make_org(first)
    second = fresh_server(data=first.data, start=False)
    second.damaged = True  # it never runs, and the directory belongs to the first
    with pytest.raises(StartFailed) as failure:
        second.start()
    assert failure.value.code > 0
    assert str(first.pid) in failure.value.log
    assert str(first.data) in failure.value.log
    assert first.running
    org.create_task()
    assert json.loads((first.data / "server.json").read_text())["pid"] == first.pid


# Read models

@pytest.mark.parametrize("damage", ["deleted", "empty", "garbage", "truncated", "flipped"])
def test_read_models_come_back(fresh_server, make_org, damage):
    server = fresh_server()
    org = make_org(server)
    tasks = [org.create_task(title=f"task {n}") for n in range(10)]
    org.http.post(f"/api/v1/tasks/{tasks[0]['id']}/cancel")
    shown = org.all_tasks()
    positions, digest = server.digest()
    assert server.stop() == 0
    for path in read_model_files(server.data):
        content = path.read_bytes()
        if damage == "deleted":
            path.unlink()
        elif damage == "empty":
            path.write_bytes(b"")
        elif damage == "garbage":
            path.write_bytes(os.urandom(max(len(content), 4096)))
        elif damage == "truncated":
            path.write_bytes(content[: len(content) // 2])
        elif content:
            # The header of the file: SQLite notices at once, however large the file is.
            path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    server.start()
    assert org.all_tasks() == shown
    after, rebuilt = server.digest()
    if after == positions:
        assert rebuilt == digest
    server.assert_rebuild_gives_same_digest()


def test_read_models_of_another_journal_are_not_believed(fresh_server, make_org):
    """Read models name their journal; those of another are thrown away, not served."""
    first, second = fresh_server(), fresh_server()
    mine, theirs = make_org(first), make_org(second)
    task = mine.create_task(title="mine")
    theirs.create_task(title="theirs")
    assert first.stop() == 0 and second.stop() == 0
    for path in read_model_files(first.data):
        path.unlink()
    for path in read_model_files(second.data):
        target = first.data / path.relative_to(second.data)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    ready, said = try_to_serve(first)
    if not ready:
        assert "journal" in said.lower()
        return
    first.damaged = False
    first.start()
    assert mine.all_tasks() == [task]
    second.start()


# The journal

def test_a_flipped_bit_in_the_middle(busy):
    """The chain shows a changed byte of history, and where; with no read model to lean on, nothing is served from it."""
    server, _, tasks = busy
    path = journal_file(server)
    content = bytearray(path.read_bytes())
    place = content.find(tasks[20]["title"].encode())
    assert place > 0, "a clean stop leaves the whole journal in journal.db"
    content[place] ^= 1
    path.write_bytes(content)
    server.damaged = True

    verified = server.cli("journal", "verify", check=False)
    assert verified.returncode > 0
    said = (verified.stdout + verified.stderr).decode()
    assert PLACE.search(said), said

    for model in read_model_files(server.data):
        model.unlink()
    ready, said = try_to_serve(server)
    assert not ready
    assert PLACE.search(said), said


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9])
def test_a_truncated_journal_file(busy, part):
    server, _, _ = busy
    path = journal_file(server)
    size = int(path.stat().st_size * part)
    with path.open("r+b") as file:
        file.truncate(size)
    server.damaged = True
    verified = server.cli("journal", "verify", check=False)
    assert verified.returncode > 0
    assert (verified.stdout + verified.stderr).strip()
    ready, said = try_to_serve(server)
    assert not ready, "history was lost and the server goes on as if nothing were"
    assert PLACE.search(said) or "journal" in said, said


def test_a_missing_journal_beside_read_models(busy):
    server, _, _ = busy
    for path in server.data.glob("journal.db*"):
        path.unlink()
    ready, said = try_to_serve(server)
    assert not ready, "an empty journal was made in the place of the lost one"
    assert "journal" in said.lower()


def test_an_older_copy_of_the_journal(fresh_server, make_org):
    """A valid but shorter history: only the read models know that there was more, and they must speak up."""
    server = fresh_server()
    org = make_org(server)
    org.create_task()
    assert server.stop() == 0
    old = journal_file(server).read_bytes()
    server.start()
    for _ in range(10):
        org.create_task()
    assert server.stop() == 0
    journal_file(server).write_bytes(old)
    ready, said = try_to_serve(server)
    assert not ready
    assert PLACE.search(said), said


def test_garbage_in_place_of_the_journal(busy):
    server, _, _ = busy
    journal_file(server).write_bytes(os.urandom(65536))
    server.damaged = True
    assert server.cli("journal", "verify", check=False).returncode > 0
    ready, said = try_to_serve(server)
    assert not ready and "journal" in said


# Room and permission

@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 MiB that is the test's own."""
    if os.geteuid() != 0:
        pytest.skip("mounting a tmpfs needs root")
    mountpoint = tmp_path / "disk"
    mountpoint.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", mountpoint], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a tmpfs: {mounted.stderr.strip()}")
    yield mountpoint
    subprocess.run(["umount", "--lazy", mountpoint], check=True)


def fill(disk: pathlib.Path, leave_bytes: int) -> pathlib.Path:
    """Takes up the room of the disk but for the given rest; deleting the file gives it back."""
    ballast = disk / "ballast"
    room = os.statvfs(disk)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(room.f_bavail * room.f_frsize - leave_bytes, 1))
    return ballast


@pytest.mark.slow
def test_a_full_disk(small_disk, fresh_server, make_org):
    """Without room writes are refused and reads go on; with room again it goes on by itself, and nothing was lost."""
    server = fresh_server(data=small_disk / "data")
    org = make_org(server)
    ballast = fill(small_disk, 1024 * 1024)
    metadata = {"filler": "x" * 15_000}
    acknowledged, refused = [], None
    for n in range(1000):
        response = org.http.post("/api/v1/tasks", json={**SEED_BODY, "title": f"task {n}", "metadata": metadata},
                                 headers={"Idempotency-Key": f"full-{n}"})
        if response.status_code == 201:
            acknowledged.append(response)
        else:
            # 504 is honest as well: it says that the outcome is not known, and the retry below shows it.
            assert response.status_code in (503, 504), response.text
            refused = n
            if response.status_code == 503:
                break
    assert refused is not None, "the disk was never full"
    error_of(response, 503, "unavailable")
    assert int(response.headers["Retry-After"]) >= 1
    if acknowledged:
        assert org.get_task(acknowledged[0].json()["id"]) == acknowledged[0].json()
    assert org.http.get("/api/v1/tasks").status_code == 200
    assert server.running

    ballast.unlink()
    key = {"Idempotency-Key": f"full-{refused}"}
    body = {**SEED_BODY, "title": f"task {refused}", "metadata": metadata}
    wait_for(lambda: org.http.post("/api/v1/tasks", json=body, headers=key).status_code == 201,
             "writes work again by themselves", 60)
    titles = [task["title"] for task in org.all_tasks()]
    assert len(titles) == len(set(titles))
    assert {answer.json()["title"] for answer in acknowledged} | {f"task {refused}"} <= set(titles)
    chain.check_journal(server.journal())
    server.assert_rebuild_gives_same_digest()


def test_a_read_only_directory(small_disk, fresh_server, make_org):
    server = fresh_server(data=small_disk / "data")
    make_org(server).create_task()
    assert server.stop() == 0
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    ready, said = try_to_serve(server)
    assert not ready
    assert str(server.data) in said or "read-only" in said.lower(), said


@pytest.mark.slow
def test_too_full_to_start(small_disk, fresh_server):
    server = fresh_server(data=small_disk / "data", start=False)
    fill(small_disk, 0)
    ready, said = try_to_serve(server)
    assert not ready
    assert said.strip(), "it must say what is wrong"


def test_a_data_directory_that_is_a_file(fresh_server, tmp_path):
    server = fresh_server(start=False)
    server.data.rmdir()
    server.data.write_text("not a directory")
    server.damaged = True
    with pytest.raises(StartFailed) as failure:
        server.start()
    assert failure.value.code > 0 and str(server.data) in failure.value.log
