"""SIGTERM and SIGINT: what is under way is finished, nothing new is taken, the exit code is 0."""
import concurrent.futures
import json
import signal

import httpx
import pytest

from harness import SEED_BODY, task_body, wait_for
from rawhttp import Connection

BODY = json.dumps(SEED_BODY).encode()
SIGNALS = [signal.SIGTERM, signal.SIGINT]


def refuses_connections(server) -> bool:
    try:
        with Connection(server.base_url):
            return False
    except (ConnectionRefusedError, ConnectionResetError):  # reset: it was in the queue when the listener closed
        return True


@pytest.mark.parametrize("number", [pytest.param(signal.SIGTERM, marks=pytest.mark.smoke), signal.SIGINT],
                         ids=lambda s: s.name)
def test_an_idle_server_ends_with_0(fresh_server, number):
    server = fresh_server()
    with Connection(server.base_url), server.client() as idle:
        assert idle.get("/api/v1/tasks").status_code == 401  # a kept-alive connection must not hold it up
        assert server.stop(number) == 0


@pytest.mark.parametrize("number", SIGNALS, ids=lambda s: s.name)
def test_a_request_under_way_is_finished(fresh_server, make_org, number):
    server = fresh_server()
    org = make_org(server)
    with Connection(server.base_url) as connection:
        connection.send(b"POST /api/v1/tasks HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n"
                        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                        % (org.api_key.encode(), len(BODY)) + BODY[:20])
        # A whole request on another connection: by its answer the server has read what was sent before it.
        assert org.http.get("/api/v1/tasks").status_code == 200
        server.send_signal(number)
        wait_for(lambda: refuses_connections(server), "the server takes no new connections")
        assert server.running
        connection.send(BODY[20:])
        answer = connection.answer()
        assert answer is not None and answer.status == 201
        assert connection.closed()
    assert server.wait() == 0
    server.start()
    assert org.get_task(json.loads(answer.body)["id"]) == json.loads(answer.body)


def test_under_load_every_answer_is_kept(fresh_server, make_org):
    """Each request is answered in full or not at all, and what was answered is there afterwards."""
    server = fresh_server()
    org = make_org(server)
    acknowledged: list[dict] = []

    def run(thread: int) -> None:
        with server.client(org.api_key) as client:
            for n in range(100_000):
                try:
                    response = client.post("/api/v1/tasks", json=task_body(title=f"{thread}-{n}"))
                except httpx.TransportError:
                    return
                if response.status_code == 503:
                    return  # "surely not executed" is a fair answer on the way out
                assert response.status_code == 201, response.text
                acknowledged.append(response.json())

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        threads = [pool.submit(run, n) for n in range(4)]
        wait_for(lambda: len(acknowledged) >= 20 or any(t.done() for t in threads), "some requests are answered")
        assert server.stop() == 0
        for thread in threads:
            thread.result()
    assert len(acknowledged) >= 20
    server.start()
    there = {task["id"]: task for task in org.all_tasks()}
    for task in acknowledged:
        assert there[task["id"]] == task


def test_a_second_signal_does_no_harm(fresh_server, make_org):
    server = fresh_server()
    task = make_org(server).create_task()
    server.send_signal(signal.SIGTERM)
    if server.running:
        server.send_signal(signal.SIGTERM)
    code = server.wait()
    assert code in (0, -signal.SIGTERM), "either it insists on finishing, or the second signal ends it at once"
    server.start()
    created = [line for p in server.journal() for line in p.commits if task["id"].encode() in line]
    assert created


def test_ten_restarts_lose_nothing(fresh_server, make_org):
    server = fresh_server()
    org = make_org(server)
    tasks = []
    for n in range(10):
        tasks.append(org.create_task(title=f"before restart {n}"))
        assert server.stop() == 0
        server.start()
    assert org.all_tasks() == tasks[::-1]
