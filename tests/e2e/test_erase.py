"""Erasing an account: the name and the address are gone from every file, and the history still verifies."""
import pytest

import chain
from harness import error_of, wait_for

NAME = "Zephyrine Quillfeather Recordings"
EMAIL = "zephyrine.quillfeather@erase-me.example"
WORDS = [NAME.encode(), b"Quillfeather", EMAIL.encode(), b"erase-me.example"]


def files_with(data, words) -> list[str]:
    """The files that hold one of the words in the clear; files that come and go meanwhile are none."""
    found = []
    for path in data.rglob("*"):
        try:
            content = path.read_bytes() if path.is_file() else b""
        except FileNotFoundError:
            continue
        if any(word in content for word in words):
            found.append(path.name)
    return found


def assert_gone(server) -> None:
    assert files_with(server.data, WORDS) == []
    for partition in server.journal():
        for value in partition.commits:
            assert not any(word in value for word in WORDS), partition.name


@pytest.mark.smoke
def test_erasing_an_account(fresh_server, make_org):
    server = fresh_server()
    bystander = make_org(server, "Bystander", "bystander@example.test")
    org = make_org(server, NAME, EMAIL)
    org.create_task()
    task = bystander.create_task()
    before = {partition.name: partition.commits for partition in server.journal()}

    server.cli("account", "erase", org.id)

    assert_gone(server)
    journal = server.journal()
    chain.check_journal(journal)
    for partition in journal:
        old = before[partition.name]
        assert partition.commits[: len(old)] == old, "history is never rewritten"
    erased = [event["type"] for event in chain.events_of(chain.check_journal(journal), org.id)
              if event["type"].endswith(".erased")]
    assert len(erased) == 1
    error_of(org.http.get("/api/v1/tasks"), 401, "unauthorized")
    assert bystander.get_task(task["id"]) == task


def test_what_is_erased_stays_erased(fresh_server, make_org):
    """Neither a restart nor a rebuild brings the name back, and the read models stay a function of the journal."""
    server = fresh_server()
    org = make_org(server, NAME, EMAIL)
    org.create_task()
    server.cli("account", "erase", org.id)
    server.assert_rebuild_gives_same_digest()
    assert_gone(server)
    assert server.stop() == 0
    assert files_with(server.data, WORDS) == []
    server.start()
    assert_gone(server)
    error_of(org.http.get("/api/v1/tasks"), 401, "unauthorized")


def test_erasing_outlives_a_kill(fresh_server, make_org):
    """Once the command has answered, a kill does not bring anything back from a write-ahead file."""
    server = fresh_server()
    org = make_org(server, NAME, EMAIL)
    server.cli("account", "erase", org.id)
    server.kill()
    server.start()
    wait_for(lambda: server.readyz() == 200, "ready again")
    assert_gone(server)


def test_the_search_would_find_it(fresh_server, make_org):
    """Without erasing, the address can be found by those who may: otherwise the tests above would prove nothing."""
    server = fresh_server()
    make_org(server, NAME, EMAIL)
    again = server.cli("account", "create", "--surface", "groundtruth", "--name", "Other", "--email", EMAIL, "--json",
                       check=False)
    assert again.returncode > 0, "an address is taken once"
    assert files_with(server.data, WORDS), "the read model of accounts shows the operator who they are"


def test_an_erased_address_may_come_back(fresh_server, make_org):
    server = fresh_server()
    first = make_org(server, NAME, EMAIL)
    server.cli("account", "erase", first.id)
    second = make_org(server, NAME, EMAIL)
    assert second.id != first.id
    assert second.all_tasks() == []


@pytest.mark.parametrize("id", ["org_00000000000000000000000000", "nonsense", "tsk_00000000000000000000000000"])
def test_erasing_nobody(server, id):
    done = server.cli("account", "erase", id, check=False)
    assert done.returncode > 0
    assert done.stderr.strip()


def test_erasing_twice(server, make_org):
    """What is wanted is already so: no error, and nothing new in the journal."""
    org = make_org(server)
    server.cli("account", "erase", org.id)
    before = server.cli_json("journal", "stat")
    server.cli("account", "erase", org.id)
    assert server.cli_json("journal", "stat") == before
