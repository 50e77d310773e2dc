"""Headers: request id, rate limits, ETags and preconditions, Journal-Position, methods, security."""
import concurrent.futures
import re
import time

import pytest

from harness import SEED_BODY, config, error_of

TASKS = "/api/v1/tasks"
REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{1,128}$")


# X-Request-Id

@pytest.mark.parametrize("value", ["a", pytest.param("checkout-7f3a", marks=pytest.mark.smoke), "A.b_C-9", "x" * 128])
def test_a_request_id_is_echoed(server, client, value):
    headers = {"X-Request-Id": value}
    with server.client() as nobody:
        for response in (client.get(TASKS, headers=headers), client.post(TASKS, json=SEED_BODY, headers=headers),
                         client.get("/nothing", headers=headers), client.put(TASKS, headers=headers),
                         nobody.get(TASKS, headers=headers)):
            assert response.headers["X-Request-Id"] == value


@pytest.mark.parametrize("value", ["", "a b", "x" * 129, "a/b", "<script>", "é", "a\tb"])
def test_another_request_id_is_replaced(client, value):
    given = client.get(TASKS, headers=[(b"X-Request-Id", value.encode())]).headers["X-Request-Id"]
    assert given != value and REQUEST_ID.fullmatch(given)


def test_new_request_ids_are_unique(client):
    given = [client.get(TASKS).headers["X-Request-Id"] for _ in range(20)]
    assert all(map(REQUEST_ID.fullmatch, given)) and len(set(given)) == 20


# Rate limits

LIMIT = 5


@pytest.fixture
def limited(fresh_server):
    """A server that allows LIMIT requests a minute and key."""
    return fresh_server(rate_limits=True, settings=config(key_per_minute=LIMIT))


def test_rate_limit_counts_down_and_stops(limited, make_org):
    org = make_org(limited)
    for remaining in reversed(range(LIMIT)):
        response = org.http.get(TASKS)
        assert response.status_code == 200
        assert int(response.headers["X-RateLimit-Limit"]) == LIMIT
        assert int(response.headers["X-RateLimit-Remaining"]) == remaining
        assert time.time() - 1 <= int(response.headers["X-RateLimit-Reset"]) <= time.time() + 61
    for call in (lambda: org.http.get(TASKS), lambda: org.http.post(TASKS, content=b"{")):
        response = call()
        error_of(response, 429, "rate_limited")
        assert 1 <= int(response.headers["Retry-After"]) <= 60
        assert int(response.headers["X-RateLimit-Remaining"]) == 0
        assert int(response.headers["X-RateLimit-Limit"]) == LIMIT


def test_one_organization_does_not_use_up_anothers_limit(limited, make_org):
    busy, calm = make_org(limited), make_org(limited)
    while busy.http.get(TASKS).status_code != 429:
        pass
    assert calm.http.get(TASKS).status_code == 200


def test_errors_count_and_carry_the_headers(limited, make_org):
    org = make_org(limited)
    for response in (org.http.get(f"{TASKS}/x"), org.http.post(TASKS, json={}), org.http.get(TASKS, params={"x": 1})):
        assert response.status_code in (400, 404)
        assert int(response.headers["X-RateLimit-Limit"]) == LIMIT
    assert int(org.http.get(TASKS).headers["X-RateLimit-Remaining"]) == LIMIT - 4


def test_a_limit_lets_no_burst_through(limited, make_org):
    org = make_org(limited)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda _: org.http.get(TASKS).status_code, range(32)))
    assert sorted(set(statuses)) == [200, 429]
    assert statuses.count(200) == LIMIT


def test_a_request_over_the_limit_has_no_effect(limited, make_org):
    org = make_org(limited)
    statuses = [org.http.post(TASKS, json=SEED_BODY).status_code for _ in range(LIMIT + 3)]
    assert statuses == [201] * LIMIT + [429] * 3
    created = [line for partition in limited.journal() for line in partition.commits if b'"task.created"' in line]
    assert len(created) == LIMIT


def test_the_default_limit_of_a_key(fresh_server, make_org):
    org = make_org(fresh_server(rate_limits=True))
    response = org.http.get(TASKS)
    assert int(response.headers["X-RateLimit-Limit"]) == 600
    assert int(response.headers["X-RateLimit-Remaining"]) == 599


# ETag, If-None-Match, If-Match

@pytest.mark.smoke
def test_etag_is_the_version_and_saves_a_body(org):
    task = org.create_task()
    path = f"{TASKS}/{task['id']}"
    first = org.http.get(path)
    etag = first.headers["ETag"]
    assert re.fullmatch(r'"[0-9]+"', etag)
    same = org.http.get(path, headers={"If-None-Match": etag})
    assert (same.status_code, same.content) == (304, b"")
    assert same.headers["ETag"] == etag
    assert REQUEST_ID.fullmatch(same.headers["X-Request-Id"])
    for others in (f'"999", {etag}', "*", f"W/{etag}"):
        assert org.http.get(path, headers={"If-None-Match": others}).status_code == 304, others
    assert org.http.get(path, headers={"If-None-Match": '"999"'}).status_code == 200

    org.http.post(f"{path}/cancel")
    changed = org.http.get(path, headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.json()["status"] == "cancelled"
    assert int(changed.headers["ETag"].strip('"')) > int(etag.strip('"'))


def test_if_match_guards_a_cancel(org):
    task = org.create_task()
    path = f"{TASKS}/{task['id']}"
    etag = org.http.get(path).headers["ETag"]
    org.pay(task)
    stale = org.http.post(f"{path}/cancel", headers={"If-Match": etag})
    error_of(stale, 412, "precondition_failed")
    assert org.get_task(task["id"])["status"] == "open"
    fresh = org.http.get(path).headers["ETag"]
    assert fresh != etag
    assert org.http.post(f"{path}/cancel", headers={"If-Match": fresh}).status_code == 200


def test_if_match_may_name_several_versions(org):
    path = f"{TASKS}/{org.create_task()['id']}/cancel"
    etag = org.http.get(path.removesuffix("/cancel")).headers["ETag"]
    for none_of_them in ('"998", "999"', f"W/{etag}", f'W/{etag}, "999"', f'"0{etag[1:]}', "", f"*, {etag}", f'{etag} "999"'):
        error_of(org.http.post(path, headers={"If-Match": none_of_them}), 412, "precondition_failed")
    response = org.http.post(path, headers=[("If-Match", '"998", "a,b"'), ("If-Match", f"W/{etag} , {etag},")])
    assert response.status_code == 200


def test_if_none_match_may_come_in_several_lines(org):
    path = f"{TASKS}/{org.create_task()['id']}"
    etag = org.http.get(path).headers["ETag"]
    assert org.http.get(path, headers=[("If-None-Match", '"999"'), ("If-None-Match", etag)]).status_code == 304


def test_if_match_star_is_any_version(org):
    task = org.create_task()
    assert org.http.post(f"{TASKS}/{task['id']}/cancel", headers={"If-Match": "*"}).status_code == 200


# Accept

@pytest.mark.parametrize(("accept", "is_lines"), [
    ("application/x-ndjson", True), ("Application/X-NDJSON;q=0.5", True), ("application/x-ndjson;q=0", False),
    ("application/x-ndjson, */*;q=0.1", True), ("application/json, application/x-ndjson;q=0.9", False),
    ("application/json;q=0.1, application/x-ndjson;q=0.2", True), ("application/json, application/x-ndjson", False),
    ("*/*", False), ("application/*", False), ("text/csv", False), ("application/x-ndjson;q=x", False),
])
def test_lines_come_to_who_would_rather_have_them(org, accept, is_lines):
    path = f"/api/v1/tasks/{org.create_task()['id']}/submissions"
    kind = org.http.get(path, headers={"Accept": accept}).headers["Content-Type"].split(";")[0]
    assert kind == ("application/x-ndjson" if is_lines else "application/json")


# Journal-Position

@pytest.mark.smoke
def test_writes_say_where_they_stand(org):
    task = org.http.post(TASKS, json=SEED_BODY)
    answers = [task, org.http.post(f"{TASKS}/{task.json()['id']}/cancel")]
    key = org.http.post("/api/v1/api-keys", json={"name": "x", "scopes": ["read"]})
    answers += [key, org.http.delete(f"/api/v1/api-keys/{key.json()['id']}")]
    places = [re.fullmatch(r"tasks\.(\d+)\.(\d+)", answer.headers["Journal-Position"]) for answer in answers]
    assert all(places)
    assert len({place[1] for place in places}) == 1, "all that an account owns is in one partition"
    sequence = [int(place[2]) for place in places]
    assert sequence == sorted(set(sequence))


def test_a_read_may_name_the_write_that_it_must_see(org):
    for _ in range(10):
        response = org.http.post(TASKS, json=SEED_BODY)
        headers = {"Journal-Position": response.headers["Journal-Position"]}
        newest = org.http.get(TASKS, params={"limit": 1}, headers=headers).json()["data"][0]
        assert newest["id"] == response.json()["id"]


def test_a_position_that_never_comes_is_unavailable(org):
    topic, partition, seq = org.http.post(TASKS, json=SEED_BODY).headers["Journal-Position"].split(".")
    response = org.http.get(TASKS, headers={"Journal-Position": f"{topic}.{partition}.{int(seq) + 1_000_000}"})
    error_of(response, 503, "unavailable")
    assert int(response.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("value", ["", "x", "tasks", "tasks.1", "tasks.1.", "tasks.-1.5", "tasks.1.x", "tasks.99.1",
                                   "nothing.1.1", "tasks.1.1.1", "tasks.01.1", "tasks.1.99999999999999999999999", "tasks..1"])
def test_malformed_positions(client, value):
    for path in (TASKS, f"{TASKS}/tsk_00000000000000000000000000", "/api/v1/api-keys"):
        fields = error_of(client.get(path, headers={"Journal-Position": value}), 400, "validation_error")["fields"]
        assert [field["path"] for field in fields] == ["Journal-Position"]


# Methods

METHODS = {
    TASKS: {"GET", "POST"},
    f"{TASKS}/tsk_00000000000000000000000000": {"GET"},
    f"{TASKS}/tsk_00000000000000000000000000/cancel": {"POST"},
    "/api/v1/api-keys": {"GET", "POST"},
    "/api/v1/api-keys/key_00000000000000000000000000": {"DELETE"},
    "/api/v1/commands/cmd_00000000000000000000000000": {"GET"},
}


def allowed(response) -> set[str]:
    """The methods of the Allow header, apart from HEAD and OPTIONS, which every path may name."""
    return {method.strip() for method in response.headers["Allow"].split(",")} - {"HEAD", "OPTIONS"}


@pytest.mark.parametrize("path", METHODS)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "BREW"])
def test_wrong_methods(client, path, method):
    if method in METHODS[path]:
        return
    response = client.request(method, path)
    error_of(response, 405, "method_not_allowed")
    assert allowed(response) == METHODS[path]


@pytest.mark.parametrize("path", METHODS)
def test_options_name_the_methods(server, path):
    with server.client() as nobody:
        response = nobody.options(path)
    assert response.status_code in (200, 204)
    assert allowed(response) == METHODS[path]


def test_head_is_get_without_body(server, org):
    task = org.create_task()
    for path in (TASKS, f"{TASKS}/{task['id']}", f"{TASKS}/nothing"):
        get, head = org.http.get(path), org.http.head(path)
        assert head.status_code == get.status_code
        assert head.content == b""
        changing = {"date", "x-request-id", "x-ratelimit-remaining", "x-ratelimit-reset"}
        assert {k: v for k, v in head.headers.items() if k not in changing} == {
            k: v for k, v in get.headers.items() if k not in changing}
    with server.client() as nobody:
        assert nobody.head(TASKS).status_code == 401


# Security headers, as the OWASP REST Security Cheat Sheet lists them

@pytest.mark.smoke
def test_security_headers(server, client):
    with server.client() as nobody:
        responses = [client.get(TASKS), client.post(TASKS, json=SEED_BODY), client.post(TASKS, json={}),
                     client.get("/nothing"), client.put(TASKS), nobody.get(TASKS), nobody.get("/docs/groundtruth")]
    for response in responses:
        headers = response.headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "max-age=" in headers["Strict-Transport-Security"]
        if response.url.path.startswith("/api/"):
            assert headers["Cache-Control"] == "no-store"
        assert "Server" not in headers or not re.search(r"\d", headers["Server"]), "no version is given away"
