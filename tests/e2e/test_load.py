"""What one account, or nobody's, can do to the service by sheer amount: bodies that drip, answers that nobody reads, wide
documents, wrong keys and passwords at once, proofs without a lease. Memory stays below the bound of docs/limits.md, and
whoever is somebody else goes on being served."""
from __future__ import annotations

import base64
import concurrent.futures
import json
import pathlib
import re
import socket
import threading

import httpx
import pytest

import workers
from harness import Server, plain_client, wait_for
from workers import BASE, PASSWORD, text_task

MIB = 1024 * 1024
ELSEWHERE = "127.0.0.2"  # another client: all of 127/8 is this machine
BUDGET = {"memory_bytes": 96 * MIB, "memory_bytes_per_account": 48 * MIB, "memory_bytes_per_address": 48 * MIB}
PASSWORD_MEMORY = 2 * 64 * MIB  # of two threads that hash passwords
SLACK = 48 * MIB  # threads' own, read models' pages, the allocator's


def connect(server: Server, source: str = "127.0.0.1", receive_bytes: int | None = None) -> socket.socket:
    url = httpx.URL(server.base_url)
    client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    client.settimeout(30)
    if receive_bytes is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    client.bind((source, 0))
    client.connect((url.host, url.port))
    return client


def elsewhere(server: Server, token: str | None = None) -> httpx.Client:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return plain_client(base_url=server.base_url, headers=headers,
                        transport=httpx.HTTPTransport(local_address=ELSEWHERE, verify=False))


def head(method: str, path: str, token: str | None = None, length: int | None = None, **more: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: h"]
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    if length is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {length}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in more.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def status_of(client: socket.socket) -> int:
    """Of the next answer; 0 where the connection ends instead."""
    got = b""
    try:
        while b"\r\n" not in got:
            more = client.recv(4096)
            if not more:
                return 0
            got += more
    except ConnectionResetError:
        return 0
    return int(got.split(b" ", 2)[1])


def memory(server: Server, name: str) -> int:
    """VmRSS or VmHWM (the highest it has been), in bytes."""
    text = pathlib.Path(f"/proc/{server.pid}/status").read_text()
    return int(re.search(rf"^{name}:\s+(\d+) kB", text, re.M)[1]) * 1024


def metric(server: Server, name: str, **labels: str) -> float:
    with server.ops() as ops:
        text = ops.get("/metrics").text
    wanted = ",".join(f'{label}="{value}"' for label, value in labels.items())
    line = re.escape(name + (f"{{{wanted}}}" if wanted else ""))
    found = re.search(rf"^{line} (\S+)$", text, re.M)
    return float(found[1]) if found else 0  # what never happened has no line


def used(server: Server) -> float:
    return metric(server, "groundtruth_message_memory_bytes")


@pytest.fixture
def small_server(fresh_server) -> Server:
    return fresh_server(settings={"http": BUDGET})


@pytest.fixture
def at_work(small_server, make_org, make_worker):
    """A worker who holds a place of a task of texts."""
    worker = make_worker(small_server)
    task = text_task(make_org(small_server))
    worker.accept(task)
    return worker, f"{BASE}/tasks/{task['id']}/proof"


# Bodies


def test_bodies_that_drip(small_server, at_work, make_worker):
    """Forty bodies of ten megabytes from one worker: what has come is held, and no more than their share."""
    worker, path = at_work
    stranger = make_worker(small_server)
    before = memory(small_server, "VmRSS")
    dripping = []
    for _ in range(40):
        client = connect(small_server)
        client.sendall(head("POST", path, worker.token, 10 * MIB) + b'{"text":"' + b"x" * (2 * MIB))
        dripping.append(client)
    refusals = "groundtruth_message_memory_refusals_total"
    wait_for(lambda: metric(small_server, refusals, spent="account") + metric(small_server, refusals, spent="address")
             >= 10, "most of them are refused")
    assert used(small_server) <= BUDGET["memory_bytes_per_account"]
    assert memory(small_server, "VmRSS") - before < BUDGET["memory_bytes_per_account"] + SLACK
    # Whoever is somebody else, elsewhere, has a share of their own.
    with elsewhere(small_server, stranger.token) as other:
        assert other.get(f"{BASE}/feed").status_code == 200
        assert other.post(f"{BASE}/tasks/{path.split('/')[-2]}/accept").status_code == 200
        assert other.post(path, json={"text": "y" * 49_000}).status_code == 201
    for client in dripping:
        client.close()
    wait_for(lambda: used(small_server) == 0, "all of it is given back")


def test_what_is_over_the_budget_is_told_when_to_come_again(small_server, at_work):
    worker, path = at_work
    with connect(small_server) as first, connect(small_server) as second:
        first.sendall(head("POST", path, worker.token, 10 * MIB) + b'{"text":"' + b"x" * (9 * MIB))
        wait_for(lambda: used(small_server) >= 9 * MIB, "the first one is held")
        # A whole one and what decoding it takes are more than what is left.
        second.sendall(head("POST", path, worker.token, 10 * MIB) + b" " * (10 * MIB))
        answer = second.recv(65536)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 1\r\n" in answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "unavailable"


def test_announced_bodies_that_do_not_come_starve_nobody(small_server, at_work):
    worker, path = at_work
    silent = [connect(small_server) for _ in range(30)]
    for client in silent:
        client.sendall(head("POST", path, worker.token, 10 * MIB))
    answer = worker.http.post(path, json={"text": "x" * 49_000})
    assert answer.status_code == 201, answer.text
    for client in silent:
        client.close()


def test_wide_documents(small_server, at_work):
    """Two bytes that ask for forty: refused before any value is made, and nobody waits for it."""
    worker, path = at_work
    before = memory(small_server, "VmRSS")
    for wide in (b"[" + b"0," * (5 * MIB - 2) + b"0]", b'{"uploads":[' + b'"",' * (3 * MIB) + b'""]}',
                 b'{"text":' + b"[" * (9 * MIB) + b"}"):
        answer = worker.http.post(path, content=wide, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400, answer.text
        assert "values" in answer.json()["reason"]
    assert memory(small_server, "VmHWM") - before < 48 * MIB + SLACK


# Permission


def test_a_proof_without_a_lease_is_refused_before_its_body(small_server, at_work, make_worker):
    _, path = at_work
    stranger = make_worker(small_server)
    rivals = [("one without any lease", path, stranger.token, 409), ("a task that is not there",
              f"{BASE}/tasks/tsk_00000000000000000000000000/proof", stranger.token, 404), ("nobody", path, None, 401)]
    for what, target, token, status in rivals:
        for framing in ({"length": 10 * MIB}, {"length": 10 * MIB, "Expect": "100-continue"},
                        {"length": 10 * MIB, "Idempotency_Key": "one"}):
            with connect(small_server) as client:
                client.sendall(head("POST", target, token, **framing))
                assert status_of(client) == status, (what, framing)
        with connect(small_server) as client:
            client.sendall(head("POST", target, token, Content_Type="application/json", Transfer_Encoding="chunked"))
            assert status_of(client) == status, what
    # A whole one that comes all the same is not kept anywhere.
    before = memory(small_server, "VmRSS")
    for _ in range(5):
        with connect(small_server) as client:
            try:
                client.sendall(head("POST", path, stranger.token, 10 * MIB) + b" " * (10 * MIB))
            except OSError:
                pass  # it closes after it has thrown away a part
    assert memory(small_server, "VmRSS") - before < SLACK


def test_a_retry_of_a_large_proof_gets_its_answer_again(server, org, worker):
    """Its lease is over, for it was submitted: only its body tells that it is the same."""
    task = org.open_task(modalities=["image"])
    worker.accept(task)
    url = "data:image/png;base64," + base64.b64encode(workers.png(300, 200, level=0)).decode()
    body = {"data_urls": [url]}
    assert len(json.dumps(body)) > 64 * 1024
    first, again = (worker.post(task, "proof", body, key="one") for _ in range(2))
    assert first.status_code == 201, first.text
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert worker.post(task, "proof", body).status_code == 409


# Answers


def test_the_documentation_is_shared_by_all_who_do_not_read_it(small_server):
    with small_server.client() as reader:
        bundle = reader.get("/docs/assets/swagger-ui-bundle.js")
        if bundle.status_code == 404:
            pytest.skip("this build has no documentation pages")
        whole = len(bundle.content)
    before = memory(small_server, "VmRSS")
    unread = [connect(small_server, receive_bytes=4096) for _ in range(200)]
    for client in unread:
        client.sendall(head("GET", "/docs/assets/swagger-ui-bundle.js"))
    for client in unread:
        assert client.recv(16).startswith(b"HTTP/1.1 200")
    assert used(small_server) == 0
    assert memory(small_server, "VmRSS") - before < min(100 * whole, SLACK)
    for client in unread:
        client.close()


# Limits


def wrong_keys(key: str, count: int) -> list[str]:
    """Of an id that there is: each has to be checked."""
    return [key[:-6] + f"{n:06}" for n in range(count)]


def test_wrong_keys_at_once(fresh_server, make_org):
    """Of many at once no more pass than the limit says; a good key elsewhere that is not known yet gets in. Few are
    checked, so that it is over long before the window is."""
    server = fresh_server(rate_limits=True, settings={"rate_limits": {"groundtruth": {"address_per_minute": 5}}})
    org = make_org(server)
    unseen = org.create_key("read")["secret"]

    def ask(key: str) -> int:
        with plain_client(base_url=server.base_url, headers={"Authorization": f"Bearer {key}"}) as client:
            return client.get("/api/v1/tasks").status_code

    with concurrent.futures.ThreadPoolExecutor(60) as pool:
        answers = [pool.submit(ask, key) for key in wrong_keys(org.api_key, 60)]
        with elsewhere(server, unseen) as other:
            assert other.get("/api/v1/tasks").status_code == 200
        statuses = [answer.result() for answer in answers]
    assert (statuses.count(401), statuses.count(429)) == (5, 55), statuses


def test_honest_logins_do_not_wait_behind_those_of_another_address(small_server, make_worker):
    worker = make_worker(small_server)
    answered = []

    def guess(number: int) -> int:
        with plain_client(base_url=small_server.base_url, timeout=90) as client:
            status = client.post(f"{BASE}/login", json={"email": f"{number}@example.test", "password": "x" * 12}).status_code
        answered.append(status)
        return status

    with concurrent.futures.ThreadPoolExecutor(330) as pool:
        guesses = [pool.submit(guess, number) for number in range(330)]
        wait_for(lambda: answered.count(503) >= 100, "their line is full", 60)
        with elsewhere(small_server) as home:
            answer = home.post(f"{BASE}/login", json={"email": worker.email, "password": PASSWORD})
        still_waiting = sum(not each.done() for each in guesses)
        assert answer.status_code == 200, answer.text
        assert still_waiting > 20  # they had come before
        assert {each.result() for each in guesses} <= {401, 503}


def test_work_whose_client_has_gone_is_not_done(small_server):
    """A queue full of passwords whose clients leave is empty at once: the next one waits for none of them."""
    gone = [connect(small_server) for _ in range(60)]
    for number, client in enumerate(gone):
        body = json.dumps({"email": f"{number}@example.test", "password": "x" * 12}).encode()
        client.sendall(head("POST", f"{BASE}/login", None, len(body)) + body)
    for client in gone:
        client.close()
    with small_server.client() as client:
        assert client.post(f"{BASE}/login", json={"email": "a@example.test", "password": "x" * 12}).status_code == 401
    wait_for(lambda: metric(small_server, "groundtruth_http_requests_total", surface="worker", operation="login",
                            status="503") > 20, "most of them were dropped before they began")


def test_wrong_passwords_do_not_lock_the_owner_out(fresh_server):
    server = fresh_server(rate_limits=True)
    owner = workers.register(server)
    with server.client() as stranger, elsewhere(server) as home:
        assert home.post(workers.link_of(server, owner.id)).status_code == 200
        wrong = {"email": owner.email, "password": "wrong password"}
        right = {"email": owner.email, "password": owner.password}
        assert [stranger.post(f"{BASE}/login", json=wrong).status_code for _ in range(12)] == [401] * 10 + [429] * 2
        for _ in range(12):  # right ones do not count
            assert home.post(f"{BASE}/login", json=right).status_code == 200


# All of it


@pytest.mark.slow
def test_memory_under_all_of_it_stays_below_the_bound(small_server, make_org, make_worker):
    server = small_server
    org, worker, stranger = make_org(server), make_worker(server), make_worker(server)
    task = text_task(org)
    worker.accept(task)
    path = f"{BASE}/tasks/{task['id']}/proof"
    at_rest = memory(server, "VmRSS")
    stop = threading.Event()

    def drip() -> None:
        clients = [connect(server) for _ in range(40)]
        for client in clients:
            try:
                client.sendall(head("POST", path, worker.token, 10 * MIB) + b'{"text":"' + b"x" * (2 * MIB))
            except OSError:
                pass
        stop.wait(30)
        for client in clients:
            client.close()

    def leave_unread() -> None:
        clients = [connect(server, receive_bytes=4096) for _ in range(200)]
        for client in clients:
            client.sendall(head("GET", "/docs/assets/swagger-ui-bundle.js"))
        stop.wait(30)
        for client in clients:
            client.close()

    def widen() -> None:
        wide = b"[" + b"0," * (5 * MIB - 2) + b"0]"
        for _ in range(5):
            worker.http.post(path, content=wide, headers={"Content-Type": "application/json"})

    def guess_keys() -> None:
        for key in wrong_keys(org.api_key, 100):
            with plain_client(base_url=server.base_url, headers={"Authorization": f"Bearer {key}"}) as client:
                client.get("/api/v1/tasks")

    def guess_passwords() -> None:
        for number in range(30):
            with server.client() as client:
                client.post(f"{BASE}/login", json={"email": f"{number}@example.test", "password": "x" * 12})

    def prove_without_lease() -> None:
        for _ in range(10):
            with connect(server) as client:
                try:
                    client.sendall(head("POST", path, stranger.token, 10 * MIB) + b" " * (10 * MIB))
                except OSError:
                    pass

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        lasting = [pool.submit(drip), pool.submit(leave_unread)]
        ending = [pool.submit(attack) for attack in (widen, guess_keys, guess_keys, guess_passwords, guess_passwords,
                                                     prove_without_lease, prove_without_lease)]
        with elsewhere(server, org.api_key) as customer:
            for _ in range(20):
                assert customer.get("/api/v1/tasks").status_code == 200
        for attack in ending:
            attack.result()
        stop.set()
        for attack in lasting:
            attack.result()
    highest = memory(server, "VmHWM")
    bound = at_rest + BUDGET["memory_bytes"] + PASSWORD_MEMORY + SLACK
    print(f"at rest {at_rest // MIB} MiB, highest {highest // MIB} MiB, bound {bound // MIB} MiB")
    assert highest < bound
    wait_for(lambda: used(server) == 0, "all of it is given back")
