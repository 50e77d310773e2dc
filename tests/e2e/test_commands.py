"""The command line does all that the operator API can do, and says it to programs with --json."""
import json
import re

import pytest

import workers
from harness import Org, Server, cli

ID = re.compile(r"\{[^}]*\}")


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A server on which every command has been run once."""
    directory = tmp_path_factory.mktemp("commands")
    server = Server(directory / "data", directory / "server.log")
    server.start()
    try:
        made = server.cli_json("account", "create", "--surface", "groundtruth", "--name", "Acme",
                               "--email", "acme@example.test")
        org = Org(server, made["id"], made["api_key"])
        worker = workers.make_worker(server, email="ada@example.test")
        task = workers.text_task(org)
        contested = []
        for person in (worker, workers.make_worker(server)):
            submission = person.submit_text(task)
            workers.reject(org, submission)
            answer = person.http.post(f"{workers.BASE}/submissions/{submission['id']}/contest")
            assert answer.status_code == 200, answer.text
            contested.append(submission["id"])
        key = server.cli_json("key", "create", org.id, "--name", "ci", "--scopes", "read,write")
        commands = [
            ["server", "live"], ["server", "status"], ["server", "metrics"], ["server", "routes"],
            ["account", "list"], ["account", "show", org.id], ["account", "show", "acme@example.test"],
            ["account", "show", "ada@example.test"], ["account", "show", worker.id],
            ["account", "limits", org.id], ["account", "limits", worker.id],
            ["key", "list", org.id], ["key", "revoke", "acme@example.test", key["id"]],
            ["contest", "list"], ["contest", "show", contested[0]], ["contest", "uphold", contested[0]],
            ["contest", "dismiss", contested[1]],
            ["journal", "stat"], ["journal", "cat", "tasks/0"], ["journal", "verify"],
            ["ledger", "check"], ["ledger", "balance"], ["ledger", "statement", org.id],
            ["projections", "list"], ["projections", "digest"], ["projections", "rebuild", "tasks"],
            ["projections", "rebuild"],
            ["account", "erase", worker.id], ["account", "erase", "acme@example.test"],
        ]
        outputs = {}
        for command in commands:
            people = server.cli(*command) if command[0] in ("server", "account") and command[1] in (
                "live", "status", "routes", "list", "show", "limits") else None
            machine = server.cli(*command, *([] if command[:2] in (["server", "metrics"], ["journal", "cat"]) else ["--json"]))
            outputs[" ".join(command)] = (people.stdout if people else b"", machine.stdout)
        with server.ops() as ops:
            routes = ops.get("/ops/routes").json()
        assert server.stop() == 0
        log = [json.loads(line) for line in (server.data / "access.log").read_text().splitlines()]
        yield outputs, routes, log
    finally:
        if server.running:
            server.kill()


def test_every_route_of_the_operators_has_a_command(done):
    _, routes, log = done
    called = {(line["method"], line["path"]) for line in log if line["surface"] == "ops" and line["status"] < 400}
    for route in routes:
        if route["surface"] != "ops":
            continue
        pattern = re.compile(ID.sub("[^/]+", route["path"]))
        assert any(method == route["method"] and pattern.fullmatch(path) for method, path in called), \
            f"no command calls {route['method']} {route['path']}"


def is_json(text: str) -> bool:
    """A document, or one a line."""
    for parts in ([text], text.splitlines()):
        try:
            for part in parts:
                json.loads(part)
            return True
        except json.JSONDecodeError:
            continue
    return False


def test_json_is_json_and_people_see_a_table(done):
    outputs, _, _ = done
    for command, (people, machine) in outputs.items():
        if command not in ("server metrics", "journal cat tasks/0"):
            assert is_json(machine.decode()), command
        if people:
            assert not people.lstrip().startswith(b"{"), command


def test_lists_are_whole(done):
    outputs, _, _ = done
    accounts = json.loads(outputs["account list"][1])["accounts"]
    assert [account["email"] for account in accounts] == ["acme@example.test"]
    assert len(json.loads(outputs["contest list"][1])["contests"]) == 2


@pytest.mark.parametrize(("command", "code"), [
    (["account", "show", "nobody@example.test"], 1), (["account", "show", "org_" + "0" * 26], 1),
    (["account", "show", "wrk_" + "0" * 26], 1), (["account", "show", "nonsense"], 2), (["account", "limits"], 2),
    (["account", "limits", "wrk_" + "0" * 26], 1), (["key", "list", "wrk_" + "0" * 26], 1), (["key", "revoke"], 2),
    (["key", "create", "org_" + "0" * 26, "--name", "x", "--scopes", "read"], 1), (["contest", "uphold", "x"], 1),
    (["contest", "show"], 2), (["server", "nothing"], 2),
], ids=lambda value: " ".join(value) if isinstance(value, list) else str(value))
def test_exit_codes(server, command, code):
    done = server.cli(*command, check=False)
    assert done.returncode == code, done.stderr
    assert done.stdout == b"" and done.stderr.strip()


@pytest.mark.parametrize("command", [["account", "limits", "org_" + "0" * 26], ["key", "list", "a@example.test"],
                                     ["contest", "list"], ["server", "status"]], ids=" ".join)
def test_without_a_server_it_is_three(tmp_path, command):
    done = cli(*command, "--data", str(tmp_path), check=False)
    assert done.returncode == 3 and str(tmp_path).encode() in done.stderr
