"""The command line: help, version, exit codes, the shapes of --json, and what it says when there is no server."""
import json
import re

import pytest

from harness import cli

COMMANDS = ["serve", "account", "journal", "ledger", "projections", "demo", "version"]


@pytest.mark.smoke
def test_version():
    done = cli("version")
    assert re.search(rb"\d+\.\d+\.\d+", done.stdout)
    assert done.stderr == b""


@pytest.mark.smoke
def test_help_names_every_command():
    help = cli("--help").stdout.decode()
    for command in COMMANDS:
        assert re.search(rf"\b{command}\b", help), command


@pytest.mark.parametrize("command", [["serve"], ["account"], ["account", "create"], ["account", "erase"], ["journal"],
                                     ["journal", "stat"], ["journal", "cat"], ["journal", "verify"], ["journal", "init"],
                                     ["ledger"], ["ledger", "check"], ["ledger", "balance"], ["ledger", "statement"],
                                     ["projections"], ["projections", "list"], ["projections", "rebuild"],
                                     ["projections", "digest"], ["demo"]], ids=" ".join)
def test_every_command_has_help(command):
    assert cli(*command, "--help").stdout.strip()


@pytest.mark.parametrize("arguments", [
    [], ["nothing"], ["--nothing"], ["serve", "--nothing"], ["journal", "nothing"], ["account", "create"],
    ["account", "create", "--surface", "groundtruth"], ["journal", "cat"], ["account", "erase"],
    ["account", "create", "--surface", "nothing", "--name", "a", "--email", "a@example.test"],
], ids=lambda a: " ".join(a) or "(none)")
def test_wrong_usage_is_an_error_that_says_so(arguments, tmp_path):
    done = cli(*arguments, *(["--data", str(tmp_path)] if arguments[:1] not in ([], ["--nothing"]) else []), check=False)
    assert done.returncode > 0
    assert (done.stderr + done.stdout).strip()
    assert b"terminate called" not in done.stderr


@pytest.mark.parametrize("command", [
    ["account", "create", "--surface", "groundtruth", "--name", "a", "--email", "a@example.test", "--json"],
    ["account", "erase", "org_00000000000000000000000000"], ["projections", "list"], ["projections", "rebuild"],
    ["projections", "digest", "--json"], ["demo"],
], ids=" ".join)
def test_without_a_server_it_says_where_it_looked(command, tmp_path):
    done = cli(*command, "--data", str(tmp_path), check=False)
    assert done.returncode > 0
    assert done.stdout == b"", "what is parsed by scripts holds no error text"
    assert str(tmp_path).encode() in done.stderr


def test_a_server_that_was_killed_is_no_server(fresh_server):
    """server.json is left behind; the address in it must not be trusted blindly."""
    server = fresh_server()
    server.kill()
    done = server.cli("projections", "rebuild", check=False)
    assert done.returncode == 3 and done.stdout == b"" and done.stderr.strip()


@pytest.mark.smoke
def test_account_create_json(server):
    made = server.cli_json("account", "create", "--surface", "groundtruth", "--name", "Acme", "--email", "cli@example.test")
    assert set(made) == {"id", "api_key"}
    assert made["id"].startswith("org_") and made["api_key"].startswith("gt_sk_")


@pytest.mark.parametrize(("name", "email"), [("", "a@example.test"), ("x" * 5000, "b@example.test"), ("a", "no address"),
                                             ("a", ""), ("a", "a@b@c"), ("a", "a" * 400 + "@example.test")])
def test_account_create_checks_its_input(server, name, email):
    done = server.cli("account", "create", "--surface", "groundtruth", "--name", name, "--email", email, "--json",
                      check=False)
    assert done.returncode > 0 and done.stdout == b"" and done.stderr.strip()


def test_an_address_is_taken_once_whatever_its_case(server):
    server.create_account("First", "Taken.Once@example.test")
    done = server.cli("account", "create", "--surface", "groundtruth", "--name", "Second", "--email",
                      "taken.once@EXAMPLE.test", "--json", check=False)
    assert done.returncode > 0 and done.stderr.strip()


@pytest.mark.smoke
def test_journal_stat_json(server):
    stat = server.cli_json("journal", "stat")
    assert set(stat) == {"partitions"}
    assert len(stat["partitions"]) == 80


@pytest.mark.parametrize("place", ["tasks/99", "nothing/0", "tasks", "tasks/x", "tasks/-1", "/", ""])
def test_journal_cat_of_nothing(server, place):
    done = server.cli("journal", "cat", place, check=False)
    assert done.returncode > 0 and done.stdout == b"" and done.stderr.strip()


def test_projections_list_and_digest(server):
    assert server.cli("projections", "list").stdout.strip()
    digest = json.loads(server.cli("projections", "digest", "--json").stdout)
    assert digest


def test_journal_init_makes_a_journal_once(tmp_path):
    assert cli("journal", "init", "--data", str(tmp_path / "data")).returncode == 0
    stat = json.loads(cli("journal", "stat", "--json", "--data", str(tmp_path / "data")).stdout)
    assert len(stat["partitions"]) == 80
    assert {partition["seq"] for partition in stat["partitions"]} == {0}
    again = cli("journal", "init", "--data", str(tmp_path / "data"), check=False)
    unchanged = json.loads(cli("journal", "stat", "--json", "--data", str(tmp_path / "data")).stdout)
    assert unchanged == stat, f"a second init ({again.returncode}) changed the journal"


def test_without_dev_nothing_is_made_up(tmp_path):
    """Outside --dev a missing journal or setting is a clear error at start, and no journal is created on the way."""
    done = cli("serve", "--listen", "127.0.0.1:0", "--ops", "127.0.0.1:0", "--data", str(tmp_path), check=False)
    assert done.returncode > 0
    assert (done.stderr + done.stdout).strip()
    assert not (tmp_path / "journal.db").exists()
    assert not (tmp_path / "server.json").exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"nothing": 1}', '{"rate_limits": "many"}'])
def test_a_bad_configuration_is_refused(tmp_path, content):
    """Misspelled settings must not silently leave the defaults in force."""
    path = tmp_path / "config.json"
    path.write_text(content)
    done = cli("serve", "--dev", "--listen", "127.0.0.1:0", "--ops", "127.0.0.1:0", "--data", str(tmp_path / "data"),
               "--config", str(path), check=False)
    assert done.returncode > 0
    assert str(path).encode() in done.stderr + done.stdout


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:99999", "256.0.0.1:1", ""])
def test_a_bad_address_is_refused(tmp_path, address):
    done = cli("serve", "--dev", "--listen", address, "--ops", "127.0.0.1:0", "--data", str(tmp_path / "data"), check=False)
    assert done.returncode > 0 and (done.stderr + done.stdout).strip()


def test_an_address_in_use_is_named(server, tmp_path):
    taken = server.base_url.removeprefix("http://")
    done = cli("serve", "--dev", "--listen", taken, "--ops", "127.0.0.1:0", "--data", str(tmp_path / "data"), check=False)
    assert done.returncode > 0
    assert taken.encode() in done.stderr + done.stdout
