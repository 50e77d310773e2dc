"""Fixtures of the end-to-end tests: servers on ports of their own in temporary data directories, organizations, clients."""
from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Iterator

import pytest

import chain
from event_schemas import EventSchemas
import workers
from harness import BINARY, Org, Server
from mail_server import Controller, Inbox
from workers import Worker


# What takes minutes, most of them waiting, and shares brokers: where processes share out a run, each begins with one of these.
LONG = (("test_nodes", "test_cluster_script"),
        ("test_kafka", "test_kafka_script", "test_read_journal"),
        ("test_kafka_security", "test_collector", "test_schemathesis"))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if processes == 1:
        return
    long = [[item for name in names for item in items if item.path.stem == name] for names in LONG[:processes]]
    short = [item for item in items if not any(item in group for group in long)]
    shared: list[pytest.Item] = []
    for index in range(processes):  # xdist deals a list out in pieces as long as these, and then lets them steal
        first = long[index] if index < len(long) else []
        length = max((len(items) - len(shared)) // (processes - index) - len(first), 0)
        shared += first + short[:length]
        del short[:length]
    items[:] = shared + short


@pytest.fixture(scope="session", autouse=True)
def binary() -> pathlib.Path:
    if not BINARY.is_file():
        raise pytest.UsageError(f"there is no {BINARY}; build it first or set GROUNDTRUTH_BINARY")
    return BINARY


@pytest.fixture(scope="session")
def event_schemas() -> EventSchemas:
    return EventSchemas()


def finish(server: Server, event_schemas: EventSchemas) -> None:
    """The end of every server: its whole journal is audited, every event validated, and it ends with exit code 0."""
    if server.damaged:
        if server.running:
            server.kill()
        return
    try:
        if not server.running:
            server.start()
        partitions = server.journal()
        chain.check_journal(partitions)
        problems = event_schemas.problems(partitions)
        assert not problems, "events that break their schema:\n" + "\n".join(problems[:20])
        assert server.stop() == 0, f"the server did not end well:\n{server.log_tail()}"
    finally:
        if server.running:
            server.kill()


@pytest.fixture(scope="session")
def server(tmp_path_factory, event_schemas) -> Iterator[Server]:
    """The server that most tests share; each brings its own organization, so they do not see each other."""
    directory = tmp_path_factory.mktemp("server")
    server = Server(directory / "data", directory / "server.log")
    server.start()
    try:
        yield server
    finally:
        finish(server, event_schemas)


@pytest.fixture
def fresh_server(tmp_path, event_schemas) -> Iterator[Callable[..., Server]]:
    """Makes servers of the test's own, to be restarted, killed, configured; not started unless `start=True`."""
    made: list[Server] = []

    def make(*, start: bool = True, rate_limits: bool = False, settings: dict | None = None,
             data: pathlib.Path | None = None, dev: bool = True) -> Server:
        number = len(made)
        server = Server(data or tmp_path / f"data{number}", tmp_path / f"server{number}.log",
                        rate_limits=rate_limits, settings=settings, dev=dev)
        made.append(server)
        return server.start() if start else server

    yield make
    failures = []
    for server in made:
        if server.process is None:
            continue  # made for its data directory only
        try:
            finish(server, event_schemas)
        except Exception as failure:  # the other servers must be ended all the same
            failures.append(failure)
    if failures:
        raise failures[0]


@pytest.fixture
def serve_mail() -> Iterator[Callable[..., str]]:
    """Serves an inbox and returns its URL."""
    started: list[Controller] = []

    def start(inbox: Inbox, scheme: str = "smtp", **settings) -> str:
        controller = Controller(inbox, hostname="127.0.0.1", port=0, **settings)
        controller.start()
        started.append(controller)
        return f"{scheme}://127.0.0.1:{controller.port}"

    yield start
    for controller in started:
        controller.stop()


@pytest.fixture
def make_org() -> Iterator[Callable[..., Org]]:
    """Makes organizations with the command line, on any server."""
    made: list[Org] = []

    def make(server: Server, name: str = "Acme", email: str | None = None) -> Org:
        org = server.create_account(name, email)
        made.append(org)
        return org

    yield make
    for org in made:
        org.close()


@pytest.fixture
def org(server, make_org) -> Org:
    """A new organization on the shared server."""
    return make_org(server)


@pytest.fixture
def client(org):
    """The HTTP client with the admin key of the new organization."""
    return org.http


@pytest.fixture
def make_worker() -> Iterator[Callable[..., Worker]]:
    """Makes people who may work, on any server."""
    made: list[Worker] = []

    def make(server: Server, **changes) -> Worker:
        worker = workers.make_worker(server, **changes)
        made.append(worker)
        return worker

    yield make
    for worker in made:
        worker.close()


@pytest.fixture
def worker(server, make_worker) -> Worker:
    """Somebody new on the shared server."""
    return make_worker(server)
