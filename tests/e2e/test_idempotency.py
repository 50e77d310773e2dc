"""Idempotency-Key: one effect and one answer for a key, at once, later, after a restart and after a kill."""
import concurrent.futures
import json
import threading

import pytest

from harness import SEED_BODY, error_of, task_body

TASKS, API_KEYS = "/api/v1/tasks", "/api/v1/api-keys"


def post(http, key, body=None, path=TASKS):
    return http.post(path, json=SEED_BODY if body is None else body, headers={"Idempotency-Key": key})


def assert_replayed(first, again):
    assert again.status_code == first.status_code
    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers


@pytest.mark.smoke
def test_same_key_and_body_give_the_same_answer(org):
    first = post(org.http, "one")
    assert first.status_code == 201
    for _ in range(3):
        again = post(org.http, "one")
        assert_replayed(first, again)
        assert again.headers["Journal-Position"] == first.headers["Journal-Position"]
    assert [task["id"] for task in org.all_tasks()] == [first.json()["id"]]


def test_the_first_answer_stays_when_the_task_moves_on(org):
    first = post(org.http, "one")
    org.pay(first.json())
    assert org.http.post(f"{TASKS}/{first.json()['id']}/cancel").status_code == 200
    assert_replayed(first, post(org.http, "one"))


@pytest.mark.smoke
def test_another_body_is_refused(org):
    post(org.http, "one")
    error_of(post(org.http, "one", task_body(title="another")), 409, "idempotency_key_reused")
    assert len(org.all_tasks()) == 1


def test_a_body_is_compared_byte_for_byte(org):
    """The request hash is over the raw body, so the same JSON in another spelling is another body."""
    post(org.http, "one")
    spelled = json.dumps(SEED_BODY, indent=3)
    response = org.http.post(TASKS, content=spelled,
                             headers={"Idempotency-Key": "one", "Content-Type": "application/json"})
    error_of(response, 409, "idempotency_key_reused")


def test_another_key_is_another_task(org):
    ids = {post(org.http, f"key {n}").json()["id"] for n in range(3)} | {org.create_task()["id"], org.create_task()["id"]}
    assert len(ids) == 5


def test_quoted_and_bare_are_the_same_key(org):
    assert_replayed(post(org.http, "abc-1"), post(org.http, '"abc-1"'))


@pytest.mark.parametrize("key", ["a", "!", "~", "a b", "x" * 255, '"' + "x" * 255 + '"', "0f-_.:;/?=&%$#@(){}[]<>|^`'*+,"])
def test_keys_that_are_allowed(org, key):
    assert_replayed(post(org.http, key), post(org.http, key))


@pytest.mark.parametrize("key", [b"", b'""', b"x" * 256, b'"' + b"x" * 256 + b'"', "é".encode(), b"\xff", b"a\tb"])
def test_keys_that_are_not(org, key):
    response = org.http.post(TASKS, json=SEED_BODY, headers=[(b"Idempotency-Key", key)])
    fields = error_of(response, 400, "validation_error")["fields"]
    assert [(field["path"], field["code"] in ("invalid_value", "out_of_range")) for field in fields] == [
        ("Idempotency-Key", True)]
    assert org.all_tasks() == []


def test_two_keys_on_one_request_are_refused(org):
    response = org.http.post(TASKS, json=SEED_BODY, headers=[("Idempotency-Key", "a"), ("Idempotency-Key", "b")])
    error_of(response, 400, "validation_error")
    assert org.all_tasks() == []


def test_a_key_belongs_to_method_and_path(org):
    task = post(org.http, "one").json()
    cancel = f"{TASKS}/{task['id']}/cancel"
    assert post(org.http, "one", {}, cancel).json()["status"] == "cancelled"
    made = post(org.http, "one", {"name": "x", "scopes": ["read"]}, "/api/v1/api-keys")
    assert made.status_code == 201
    second = org.create_task()
    other = post(org.http, "one", {}, f"{TASKS}/{second['id']}/cancel")
    assert other.json()["id"] == second["id"]


def test_a_key_belongs_to_the_account_not_to_the_api_key(server, org):
    first = post(org.http, "one")
    with server.client(org.create_key("write")["secret"]) as client:
        assert_replayed(first, post(client, "one"))


def test_errors_of_shape_and_scope_are_not_remembered(server, org):
    error_of(post(org.http, "one", task_body(title="")), 400, "validation_error")
    with server.client(org.create_key("read")["secret"]) as reader:
        error_of(post(reader, "one"), 403, "forbidden")
    with server.client() as nobody:
        error_of(post(nobody, "one"), 401, "unauthorized")
    good = post(org.http, "one")
    assert good.status_code == 201 and "Idempotent-Replayed" not in good.headers


@pytest.mark.parametrize("path,wrong,right", [
    (TASKS, task_body(deadline="2020-01-01T00:00:00Z"), task_body()),
    (TASKS, task_body(reward_cents=1, target_submissions=1), task_body()),
    (API_KEYS, {"name": "x", "scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z"}, {"name": "x", "scopes": ["read"]}),
], ids=["deadline", "budget", "expiry"])
def test_what_only_the_request_is_wrong_in_leaves_the_key_to_the_mended_one(org, path, wrong, right):
    assert post(org.http, "one", wrong, path).status_code == 400
    good = post(org.http, "one", right, path)
    assert good.status_code == 201 and "Idempotent-Replayed" not in good.headers


def test_a_conflict_is_remembered(org):
    task = org.create_task()
    cancel = f"{TASKS}/{task['id']}/cancel"
    done = post(org.http, "first", {}, cancel)
    refused = post(org.http, "second", {}, cancel)
    error_of(refused, 409, "conflict")
    assert_replayed(refused, post(org.http, "second", {}, cancel))
    assert_replayed(done, post(org.http, "first", {}, cancel))
    error_of(post(org.http, "second", {"x": 1}, cancel), 400, "validation_error")


def test_a_failed_precondition_is_remembered(org):
    """The state would allow the retry, but the key has had its answer."""
    task = org.create_task()
    cancel = f"{TASKS}/{task['id']}/cancel"
    refused = org.http.post(cancel, headers={"Idempotency-Key": "one", "If-Match": '"999"'})
    error_of(refused, 412, "precondition_failed")
    assert_replayed(refused, org.http.post(cancel, headers={"Idempotency-Key": "one", "If-Match": '"999"'}))
    assert org.get_task(task["id"])["status"] == "funding"
    assert post(org.http, "two", {}, cancel).status_code == 200


def test_a_replay_omits_the_secret(server, org):
    body = {"name": "x", "scopes": ["read"]}
    first = post(org.http, "one", body, "/api/v1/api-keys")
    again = post(org.http, "one", body, "/api/v1/api-keys")
    shown = first.json()
    secret = shown.pop("secret")
    assert again.status_code == 201
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == shown
    assert list(again.json()) == list(shown)
    with server.client(secret) as client:
        assert client.get(TASKS).status_code == 200


def test_get_and_delete_ignore_the_header(org):
    key = org.create_key("read")
    headers = {"Idempotency-Key": "one"}
    assert org.http.delete(f"/api/v1/api-keys/{key['id']}", headers=headers).status_code == 200
    again = org.http.delete(f"/api/v1/api-keys/{key['id']}", headers=headers)
    error_of(again, 404, "not_found")
    before = org.http.get(TASKS, headers=headers).json()
    org.create_task()
    after = org.http.get(TASKS, headers=headers)
    assert before["pagination"]["total"] + 1 == after.json()["pagination"]["total"]
    assert "Idempotent-Replayed" not in after.headers


def at_once(server, api_key, calls):
    """Sends all requests at the same moment, each on a connection of its own; answers in the order of the calls."""
    gate = threading.Barrier(len(calls))

    def call(arguments):
        with server.client(api_key) as client:
            client.get(TASKS)  # the connection is up and the key's hash checked before the race
            gate.wait(30)
            return post(client, *arguments)

    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(call, calls))


@pytest.mark.smoke
def test_concurrent_posts_with_one_key_make_one_task(server, org):
    for round in range(5):
        answers = at_once(server, org.api_key, [(f"race {round}",)] * 8)
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.content for answer in answers}) == 1
        assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) >= 1
    assert len(org.all_tasks()) == 5


def test_concurrent_posts_with_one_key_and_different_bodies(server, org):
    calls = [("race", task_body(title=f"title {n}")) for n in range(8)]
    answers = at_once(server, org.api_key, calls)
    won = [answer for answer in answers if answer.status_code == 201]
    assert len(won) == 1
    for answer in answers:
        if answer is not won[0]:
            error_of(answer, 409, "idempotency_key_reused")
    assert [task["id"] for task in org.all_tasks()] == [won[0].json()["id"]]


def test_concurrent_cancels_refund_once(server, org):
    task = org.open_task()
    calls = [(f"cancel {n}", {}, f"{TASKS}/{task['id']}/cancel") for n in range(8)]
    answers = at_once(server, org.api_key, calls)
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    for (key, body, path), answer in zip(calls, answers, strict=True):
        again = post(org.http, key, body, path)
        assert (again.status_code, again.content) == (answer.status_code, answer.content)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_keys_outlive_the_process(fresh_server, make_org, end):
    server = fresh_server()
    org = make_org(server)
    first = post(org.http, "one")
    task = org.create_task()
    cancel = f"{TASKS}/{task['id']}/cancel"
    post(org.http, "a", {}, cancel)
    refused = post(org.http, "b", {}, cancel)
    assert refused.status_code == 409
    if end == "stop":
        assert server.stop() == 0
    else:
        server.kill()
    server.start()
    assert_replayed(first, post(org.http, "one"))
    assert_replayed(refused, post(org.http, "b", {}, cancel))
    error_of(post(org.http, "one", task_body(title="another")), 409, "idempotency_key_reused")
    assert len(org.all_tasks()) == 2


def test_keys_outlive_the_read_models(fresh_server, make_org):
    """Keys come back from the journal when every read model is rebuilt."""
    server = fresh_server()
    org = make_org(server)
    first = post(org.http, "one")
    server.assert_rebuild_gives_same_digest()
    assert_replayed(first, post(org.http, "one"))
    assert len(org.all_tasks()) == 1
