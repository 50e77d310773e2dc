"""The ledger for operators: statement, sums and audit, with a server and without, and that the audit finds what is wrong."""
import json
import shutil
import sqlite3

import pytest

import chain
from harness import cli

REWARD, TARGET = 250, 40
BUDGET = REWARD * TARGET
LEDGER = {"available", "escrow", "fees", "transit", "payable", "external"}
WALLETS = "wallets.v2.db"


@pytest.fixture
def traded(fresh_server, make_org):
    """A server of its own: one organization has a task open and one cancelled, another never paid."""
    server = fresh_server()
    org, idle = make_org(server), make_org(server, "Idle")
    kept = org.open_task(reward_cents=REWARD, target_submissions=TARGET)
    cancelled = org.open_task(reward_cents=REWARD, target_submissions=TARGET)
    assert org.http.post(f"/api/v1/tasks/{cancelled['id']}/cancel").status_code == 200
    idle.create_task()
    return server, org, idle, kept, cancelled


def entries(posting: dict) -> dict:
    return {entry["account"]: entry["amount_cents"] for entry in posting["entries"]}


def check(server, expected: int = 0) -> dict:
    done = server.cli("ledger", "check", "--json", check=False)
    assert done.returncode == expected, done.stderr
    return json.loads(done.stdout)


def last_position(server, org) -> str:
    """Where the account's last posting stands."""
    return server.cli_json("ledger", "statement", org.id)["postings"][-1]["position"]


@pytest.mark.smoke
def test_a_statement_tells_how_the_money_went(traded):
    server, org, idle, kept, cancelled = traded
    view = server.cli_json("ledger", "statement", org.id)
    assert view["account"] == org.id and "next" not in view
    told = [(posting["reason"], posting["reference"], entries(posting)) for posting in view["postings"]]
    assert told == [
        ("task_funding", kept["id"], {"external": -BUDGET, "escrow": BUDGET}),
        ("task_funding", cancelled["id"], {"external": -BUDGET, "escrow": BUDGET}),
        ("task_refund", cancelled["id"], {"escrow": -BUDGET, "external": BUDGET}),
    ]
    for posting in view["postings"]:
        assert set(posting) == {"position", "event", "at", "reason", "reference", "entries"}
    assert server.cli_json("ledger", "statement", idle.id)["postings"] == []
    shown = server.cli("ledger", "statement", org.id).stdout.decode()
    assert "escrow 10,000" in shown and cancelled["id"] in shown
    assert server.cli("ledger", "statement", idle.id).stdout == b"no postings\n"


def test_a_position_of_a_statement_leads_to_its_commit(traded):
    server, org, *_ = traded
    for posting in server.cli_json("ledger", "statement", org.id)["postings"]:
        topic, partition, seq = posting["position"].split(".")
        commit = json.loads(server.cat(topic, int(partition))[int(seq)])
        event = commit["events"][posting["event"]]
        assert event["type"] == "wallet.posted" and event["data"]["reference"] == posting["reference"]
        assert event["data"]["entries"] == posting["entries"] and commit["at"] == posting["at"]


def test_the_statement_is_walked_by_its_cursor(traded):
    server, org, idle, *_ = traded
    with server.ops() as ops:
        path = f"/ops/accounts/{org.id}/statement"
        whole = ops.get(path).json()["postings"]
        walked, after = [], {}
        while True:
            page = ops.get(path, params={"limit": 1, **after})
            assert page.status_code == 200
            assert len(page.json()["postings"]) == 1
            walked += page.json()["postings"]
            if "next" not in page.json():
                break
            after = {"after": page.json()["next"]}
            if len(walked) == 1:  # what is posted meanwhile comes at the end
                org.open_task(reward_cents=REWARD, target_submissions=TARGET)
        assert walked[:3] == whole and len(walked) == 4
        for query in ("limit=0", "limit=101", "limit=x", "after=", "after=1", "after=tasks.1.2", "after=tasks.99.1.1",
                      "colour=red"):
            assert ops.get(f"{path}?{query}").status_code == 400, query
        for nobody in ("org_00000000000000000000000000", "x", idle.id[:-1]):
            answer = ops.get(f"/ops/accounts/{nobody}/statement")
            assert answer.status_code == 404 and answer.json()["error"]["code"] == "account_not_found"


def test_the_trial_balance_sums_to_zero(traded):
    server, *_ = traded
    view = server.cli_json("ledger", "balance")
    assert view == {"wallets": 1, "total_cents": 0,
                    "balances_cents": {name: {"escrow": BUDGET, "external": -BUDGET}.get(name, 0) for name in LEDGER}}
    with server.ops() as ops:
        assert ops.get("/ops/ledger/trial-balance").json() == view
    shown = server.cli("ledger", "balance").stdout.decode()
    assert "-10,000" in shown and "1 wallets, together 0 cents" in shown


@pytest.mark.smoke
def test_the_check_finds_nothing_wrong_live_stopped_and_after_a_crash(traded):
    server, org, idle, *_ = traded
    live = check(server)
    assert live["sound"] and live["violations"] == [] and live["violated"] == 0 and "problem" not in live
    assert (live["postings"], live["wallets"], live["open_tasks"], live["compared"]) == (3, 1, 1, 1)
    assert live["balances_cents"] == server.cli_json("ledger", "balance")["balances_cents"]
    assert b"sound: every cent" in server.cli("ledger", "check").stdout

    server.kill()
    crashed = check(server)
    assert crashed["sound"] and crashed["compared"] == 1
    server.start()
    assert server.stop() == 0
    stopped = check(server)
    assert stopped["sound"] and stopped["compared"] == 1 and stopped["balances_cents"] == live["balances_cents"]
    assert server.cli_json("ledger", "statement", org.id)["postings"]
    assert server.cli_json("ledger", "balance")["wallets"] == 1
    assert server.cli("ledger", "statement", "org_00000000000000000000000000", check=False).returncode == 1


def test_the_check_needs_neither_read_models_nor_keys(traded, tmp_path):
    server, *_ = traded
    assert server.stop() == 0
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in server.data.glob("journal.db*"):
        shutil.copy(file, copy)
    done = cli("ledger", "check", "--data", str(copy))
    assert b"read model: none to compare" in done.stdout and b"sound: every cent" in done.stdout


def test_a_read_model_that_was_changed_is_found(traded):
    server, org, *_ = traded
    assert server.stop() == 0
    file = server.data / "read_models" / WALLETS
    with sqlite3.connect(file) as db:
        assert db.execute("""UPDATE wallets SET state = replace(state, '"escrow":10000', '"escrow":10001')""").rowcount == 1
    db.close()
    view = check(server, expected=4)
    last = last_position(server, org)
    assert not view["sound"] and view["violated"] == 1
    violation = view["violations"][0]
    assert (violation["rule"], violation["account"], violation["position"]) == ("read_model", org.id, last)
    assert "escrow is 10001 there and 10000 by the journal" in violation["what"]
    done = server.cli("ledger", "check", check=False)
    assert done.returncode == 4 and b"NOT SOUND" in done.stdout and org.id.encode() in done.stderr

    server.start()
    assert check(server, expected=4)["violations"] == view["violations"]
    server.cli("projections", "rebuild", "wallets")
    assert check(server)["sound"]


def forge(server, org, posting: dict) -> str:
    """Appends a commit that follows the chain and holds this posting, as whoever can write the file could. Its position."""
    topic, partition, seq = last_position(server, org).split(".")
    commits = server.cat(topic, int(partition))
    commit = json.loads(commits[int(seq)])
    (event,) = [event for event in commit["events"] if event["type"] == "wallet.posted"]
    event["version"] += 1
    event["data"] |= posting
    commit |= {"seq": len(commits), "prev": chain.commit_id(commits[-1]), "events": [event]}
    commit["at"] = json.loads(commits[-1])["at"]
    commit["command"]["id"] = commit["command"]["id"][:-8] + "00000000"
    commit["command"] = {name: commit["command"][name] for name in ("id", "name")}
    value = json.dumps(commit, separators=(",", ":")).encode()
    with sqlite3.connect(server.data / "journal.db") as db:
        db.execute(f"INSERT INTO {topic}_{partition} SELECT offset + 1, at, ? FROM {topic}_{partition} "
                   "ORDER BY offset DESC LIMIT 1", (value,))
    db.close()
    return f"{topic}.{partition}.{len(commits)}"


@pytest.mark.parametrize("rules, posting", [
    (["balance"], {"reason": "deposit", "entries": [{"account": "external", "amount_cents": -5},
                                                    {"account": "available", "amount_cents": 6}]}),
    (["direction"], {"reason": "deposit", "entries": [{"account": "external", "amount_cents": -5},
                                                      {"account": "fees", "amount_cents": 5}]}),
    (["escrow"], {"reason": "task_funding", "entries": [{"account": "external", "amount_cents": -5},
                                                        {"account": "escrow", "amount_cents": 5}]}),
    (["debt", "escrow"], {"reason": "task_refund", "entries": [{"account": "escrow", "amount_cents": -BUDGET - 1},
                                                               {"account": "external", "amount_cents": BUDGET + 1}]}),
], ids=lambda value: value if isinstance(value, str) else "+".join(value) if isinstance(value, list) else "")
def test_a_posting_that_the_chain_accepts_and_the_rules_do_not_is_found(traded, rules, posting):
    server, org, *_ = traded
    assert server.stop() == 0
    server.damaged = True
    position = forge(server, org, posting)
    assert server.cli("journal", "verify").returncode == 0, "the chain alone cannot see it"
    for _ in ("stopped", "running"):
        view = check(server, expected=4)
        assert not view["sound"] and "problem" not in view
        assert [violation["rule"] for violation in view["violations"]] == rules
        assert {(violation["position"], violation["account"]) for violation in view["violations"]} == {(position, org.id)}
        done = server.cli("ledger", "check", check=False)
        assert done.returncode == 4 and position.encode() in done.stdout and position.encode() in done.stderr
        if not server.running:
            server.start()


def test_a_journal_whose_chain_is_broken_proves_nothing(traded):
    """Behind an altered commit nothing is accepted any more: what is left adds up, and is not the history."""
    server, org, *_ = traded
    first = server.cli_json("ledger", "statement", org.id)["postings"][0]["position"]
    topic, partition, seq = first.split(".")
    assert server.stop() == 0
    server.damaged = True
    with sqlite3.connect(server.data / "journal.db") as db:  # with no orphan before it, the offset is the seq
        changed = db.execute(f"UPDATE {topic}_{partition} SET value = CAST(replace(CAST(value AS TEXT), 'task.fund', "
                             "'task.fuND') AS BLOB) WHERE offset = ? AND instr(value, 'task.fund') > 0", (int(seq),))
        assert changed.rowcount == 1
    db.close()
    view = check(server, expected=4)
    assert not view["sound"] and f"{topic}/{partition} offset" in view["problem"]


def test_wrong_usage(server, tmp_path):
    assert server.cli("ledger", "statement", "x", check=False).returncode == 2
    assert server.cli("ledger", check=False).returncode == 2
    for command in (["check"], ["balance"], ["statement", "org_00000000000000000000000000"]):
        assert cli("ledger", *command, "--help").stdout
        done = cli("ledger", *command, "--data", str(tmp_path / "none"), check=False)
        assert done.returncode == 1 and done.stdout == b"" and str(tmp_path).encode() in done.stderr
