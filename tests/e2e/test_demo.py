"""`groundtruth demo`: the tour of the API that a newcomer runs first."""
import pytest


@pytest.mark.smoke
def test_the_demo_runs_and_tells_what_it_does(fresh_server):
    server = fresh_server()
    before = sum(partition["seq"] for partition in server.stat())
    done = server.cli("demo")
    lines = [line for line in done.stdout.decode().splitlines() if line.strip()]
    assert len(lines) >= 3, "it prints its steps"
    assert "tsk_" in done.stdout.decode()
    assert sum(partition["seq"] for partition in server.stat()) > before, "it did something"


def test_the_demo_may_be_run_again(fresh_server):
    server = fresh_server()
    for _ in range(2):
        assert server.cli("demo").returncode == 0
