"""The limits of the machine: few open files, few threads, little memory, a root that cannot be written, no home, odd paths."""
from __future__ import annotations

import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import tempfile

import pytest

import workers
from harness import BINARY, StartFailed, wait_for

TASKS = "/api/v1/tasks"


@pytest.fixture
def many_files():
    """This process opens as many connections as the server may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4096:
        pytest.skip("this machine allows too few open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16384), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def open_files(server) -> int:
    return len(os.listdir(f"/proc/{server.pid}/fd"))


def test_the_soft_limit_of_open_files_is_raised(fresh_server):
    server = fresh_server(start=False)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    server.limits = {resource.RLIMIT_NOFILE: (256, hard)}
    server.start()
    with open(f"/proc/{server.pid}/limits") as file:
        line = next(line for line in file if line.startswith("Max open files"))
    assert int(line.split()[3]) == min(hard, 1048576)
    assert "http.max_connections" not in server.log_tail()


@pytest.mark.parametrize("is_used", [False, True])
def test_idle_connections_stop_nothing_where_files_are_few(fresh_server, make_org, make_worker, many_files, is_used):
    server = fresh_server(start=False)
    server.limits = {resource.RLIMIT_NOFILE: (1024, 1024)}
    server.start()
    assert "http.max_connections" in server.log_tail(), "it says that the caps are above what there is"
    org, worker = make_org(server), make_worker(server)
    task = org.open_task(modalities=["image"])
    worker.accept(task)
    address = server.base_url.removeprefix("http://").split(":")
    idle = []
    try:
        for _ in range(990):
            connection = socket.create_connection((address[0], int(address[1])), timeout=10)
            idle.append(connection)
            if is_used:
                connection.sendall(b"GET /docs HTTP/1.1\r\nHost: h\r\n\r\n")
                assert connection.recv(1)
        assert open_files(server) < 1024
        for round in range(3):
            with server.client(org.api_key) as client:
                assert client.get(TASKS).status_code == 200
            worker.close()  # its next call is a new connection, as all are here
            upload = worker.upload(task, workers.png(seed=round), "image/png")
            assert server.readyz() == 200
            with server.ops() as ops:
                assert ops.get("/livez").status_code == 200
                assert ops.get("/ops/routes").status_code == 200
        worker.prove(task, uploads=[upload])
    finally:
        for connection in idle:
            connection.close()


def test_too_few_open_files_are_said_at_the_start(fresh_server):
    server = fresh_server(start=False)
    server.limits = {resource.RLIMIT_NOFILE: (200, 200)}
    with pytest.raises(StartFailed) as failed:
        server.start()
    assert failed.value.code == 1
    assert "200 files open" in failed.value.log and "LimitNOFILE" in failed.value.log
    server.damaged = True


def test_too_few_threads_are_said_at_the_start(fresh_server):
    """Root has no such limit, so another user is the one who starts it."""
    if os.getuid() != 0:
        pytest.skip("only root can become somebody else")
    nobody = 65534
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        data = pathlib.Path(place) / "data"
        data.mkdir(0o700)
        os.chown(data, nobody, nobody)
        server = fresh_server(start=False, data=data)
        server.damaged = True
        server.user = nobody
        server.limits = {resource.RLIMIT_NPROC: (8, 8)}
        with pytest.raises(StartFailed) as failed:
            server.start()
    assert failed.value.code == 1, failed.value.log
    assert "thread" in failed.value.log or "Resource temporarily unavailable" in failed.value.log


def test_without_a_home_and_with_spaces_in_its_path(fresh_server, make_org, tmp_path):
    server = fresh_server(start=False, data=tmp_path / "data with spaces, and 'quotes'")
    server.environment = {"PATH": "/usr/bin:/bin"}  # no HOME, no locale
    server.start()
    org = make_org(server)
    task = org.create_task()
    assert server.stop(signal.SIGTERM) == 0
    server.start()
    assert org.get_task(task["id"]) == task
    server.cli("journal", "verify")


def test_only_the_data_directory_need_be_writable(fresh_server, make_org, tmp_path):
    """In a mount namespace of its own where everything else is read-only."""
    unshare = shutil.which("unshare")
    probe = [unshare, "-m", "sh", "-c", "mount -o remount,ro,bind /"]
    if not unshare or subprocess.run(probe, capture_output=True).returncode != 0:
        pytest.skip("this user cannot make mount namespaces")
    server = fresh_server(start=False)
    server.wrapper = [unshare, "-m", "sh", "-c",
                      'mount --bind "$0" "$0" && mount -o remount,ro,bind / && mount -o remount,ro /tmp 2>/dev/null; exec "$@"',
                      str(server.data)]
    server.start()
    org = make_org(server)
    task = org.create_task()
    assert org.pay(task).status_code < 400
    wait_for(lambda: org.get_task(task["id"])["status"] == "open", "the paid task is open")
    assert BINARY.is_file()


def test_little_address_space_is_an_answer_not_a_crash(fresh_server, make_org):
    """Enough to start; bodies that would need more are refused, and the next request is answered."""
    server = fresh_server()
    with open(f"/proc/{server.pid}/status") as file:
        used = next(int(line.split()[1]) for line in file if line.startswith("VmSize")) * 1024
    org = make_org(server)
    resource.prlimit(server.pid, resource.RLIMIT_AS, (used + (64 << 20), used + (64 << 20)))
    for _ in range(20):
        assert org.http.post(TASKS, content=b"[" * 250_000, headers={"Content-Type": "application/json"}).status_code == 400
    assert org.create_task()["status"] == "funding"
    assert server.readyz() == 200


@pytest.mark.slow
def test_no_inode_is_left(fresh_server, make_org, make_worker, tmp_path):
    """Files that cannot be made are a 503, and everything goes on once there is room again."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256m,nr_inodes=512", "tmpfs", disk], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("this user cannot mount a tmpfs")
    try:
        server = fresh_server(data=disk / "data")
        org, worker = make_org(server), make_worker(server)
        task = org.open_task(modalities=["image"])
        worker.accept(task)
        large = workers.png(600, 600, level=0)  # more than what small objects share a file for
        announced = worker.announce(task, large, "image/png")
        taken = []
        try:
            while True:
                taken.append(disk / f"taken-{len(taken)}")
                taken[-1].touch()
        except OSError:
            taken.pop()
        refused = worker.put(announced, large)
        assert refused.status_code == 503 and int(refused.headers["Retry-After"]) >= 1, refused.text
        assert org.http.get(TASKS).status_code == 200 and server.readyz() == 200
        assert org.create_task()["status"] == "funding", "the journal's file is there and has room"
        for file in taken:
            file.unlink()
        assert worker.put(announced, large).status_code == 200
        assert worker.prove(task, uploads=[announced["upload_id"]])["status"] == "pending"
        assert server.stop() == 0
        server.damaged = True  # its disk goes
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)
