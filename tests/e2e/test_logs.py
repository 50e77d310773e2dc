"""What operators do with logs: rename and signal, bound their size, follow one request or trace through them."""
import json
import re
import signal
import threading

import pytest

from harness import wait_for

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
MADE = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00")


def lines(file):
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def line_of(file, request_id):
    return wait_for(lambda: next((line for line in lines(file) if line.get("request_id") == request_id), None),
                    f"a line of {request_id} in {file.name}")


def ask(server, request_id, path="/livez", **headers):
    with server.client() as nobody:
        return nobody.get(path, headers={"X-Request-Id": request_id, **headers})


@pytest.mark.smoke
def test_after_a_rename_and_sighup_lines_go_to_a_new_file(fresh_server, tmp_path):
    app = tmp_path / "app.log"
    server = fresh_server(settings={"log": {"file": str(app)}})
    access = server.data / "access.log"
    ask(server, "before")
    line_of(access, "before")
    for file in (access, app):
        file.rename(file.with_suffix(".old"))
    server.send_signal(signal.SIGHUP)
    wait_for(lambda: any("SIGHUP" in line["message"] for line in lines(app)), "the application log begins anew")
    ask(server, "after")
    line_of(access, "after")
    assert "before" not in [line["request_id"] for line in lines(access)]
    assert server.stop() == 0


def test_a_hangup_never_ends_the_server_not_even_while_it_starts(fresh_server):
    server = fresh_server(start=False)
    server.spawn()
    wait_for(lambda: (server.data / "journal.db").exists(), "the start is under way")
    for _ in range(5):
        server.send_signal(signal.SIGHUP)
    wait_for(lambda: server.read_addresses() and server.readyz() == 200, "it has started", 60)
    for _ in range(20):
        server.send_signal(signal.SIGHUP)
    assert ask(server, "still-here").status_code == 404  # /livez is the operators'
    assert server.stop() == 0


def test_what_is_written_while_files_are_renamed_is_in_one_of_them(fresh_server):
    server = fresh_server()
    access = server.data / "access.log"
    sent = 200

    def send():
        with server.client() as nobody:
            for number in range(sent):
                nobody.get("/nowhere", headers={"X-Request-Id": f"n{number}"})

    sender = threading.Thread(target=send)
    sender.start()
    moved = []
    while sender.is_alive():
        if access.exists():
            moved.append(access.with_name(f"moved{len(moved)}"))
            access.rename(moved[-1])
            server.send_signal(signal.SIGHUP)
        sender.join(0.05)
    assert server.stop() == 0
    found = [line["request_id"] for file in [*moved, access] for line in lines(file)]
    assert sorted(i for i in found if i.startswith("n")) == sorted(f"n{number}" for number in range(sent))


def test_the_access_log_and_its_lines_are_bounded(fresh_server):
    limit, old = 20_000, 2
    server = fresh_server(settings={"log": {"max_file_bytes": limit, "old_files": old}})
    with server.client() as nobody:
        for number in range(300):
            nobody.get("/" + "a" * 3_000, headers={"X-Request-Id": f"long{number}", "User-Agent": "b" * 3_000})
    assert server.stop() == 0
    files = sorted(server.data.glob("access.log*"))
    assert [file.name for file in files] == ["access.log", "access.log.1", "access.log.2"]
    assert all(file.stat().st_size <= limit for file in files)
    for file in files:
        for line in lines(file):
            assert len(json.dumps(line)) < 2_000
    assert lines(files[0])[-1]["request_id"] == "long299"


def test_a_trace_is_carried_on_and_one_is_made_where_there_is_none(fresh_server):
    server = fresh_server()
    access = server.data / "access.log"
    ask(server, "traced", traceparent=PARENT)
    ask(server, "untraced")
    ask(server, "broken", traceparent="00-not-a-trace-01")
    ask(server, "later", traceparent="01" + PARENT[2:] + "-more")
    assert line_of(access, "traced")["traceparent"] == PARENT
    assert line_of(access, "later")["traceparent"] == PARENT
    made = [line_of(access, name)["traceparent"] for name in ("untraced", "broken")]
    assert all(MADE.fullmatch(one) for one in made) and made[0] != made[1]
    assert all({"request_id", "traceparent"} <= line.keys() for line in lines(access))


def test_a_line_of_the_application_log_names_its_request_and_trace(fresh_server, tmp_path):
    app = tmp_path / "app.log"
    # A password takes longer than this, so the server answers in the handler's place, and says so.
    server = fresh_server(settings={"log": {"file": str(app)}, "http": {"handler_timeout_ms": 1}})
    with server.client() as nobody:
        refused = nobody.post("/api/v1/worker/register", headers={"X-Request-Id": "slow", "traceparent": PARENT},
                              json={"name": "A", "email": "a@example.com", "password": "a long enough password"})
    assert refused.status_code == 503
    line = line_of(app, "slow")
    assert line["traceparent"] == PARENT and line["level"] == "error"
