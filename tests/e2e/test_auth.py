"""Who may do what: credentials, scopes, tenants, revocation, expiry."""
import concurrent.futures
from datetime import UTC, datetime, timedelta

import pytest

from harness import SEED_BODY, error_of, task_body, wait_for

NOBODY = "tsk_00000000000000000000000000"
NO_KEY = "key_00000000000000000000000000"
ROUTES = [
    ("GET", "/api/v1/tasks"),
    ("POST", "/api/v1/tasks"),
    ("GET", f"/api/v1/tasks/{NOBODY}"),
    ("POST", f"/api/v1/tasks/{NOBODY}/cancel"),
    ("GET", "/api/v1/api-keys"),
    ("POST", "/api/v1/api-keys"),
    ("DELETE", f"/api/v1/api-keys/{NO_KEY}"),
    ("GET", "/api/v1/commands/cmd_00000000000000000000000000"),
]


def assert_unauthorized(response):
    error_of(response, 401, "unauthorized")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert "X-RateLimit-Limit" not in response.headers


@pytest.mark.smoke
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_wants_a_key(server, method, path):
    with server.client() as client:
        assert_unauthorized(client.request(method, path))


@pytest.mark.parametrize("value", [
    "", "Bearer", "Basic dXNlcjpwYXNz", "gt_sk_x", "Bearer gt_sk_", "Bearer gt_sk_x", "Bearer x",
    "Bearer gt_live_0000000000000000", "Bearer " + "gt_sk_" + "a" * 3000, "Token gt_sk_x", "Bearer gt_sk_a gt_sk_b",
    "Bearer gt_sk_" + "0" * 26 + "_" + "0" * 43, b"Bearer gt_sk_\xff\xfe", "Bearer,gt_sk_x", "Bearer gt_sk_\u00e9".encode(),
])
def test_malformed_and_unknown_keys(server, value):
    with server.client() as client:
        assert_unauthorized(client.get("/api/v1/tasks", headers={"Authorization": value}))


def test_keys_that_are_nearly_right(server, org):
    key = org.api_key
    other = "a" if key[-1] != "a" else "b"
    for wrong in (key[:-1] + other, key[:-1], key + other, key.upper(), key.replace("gt_sk_", "gt_sk"), key[:20]):
        with server.client(wrong) as client:
            assert_unauthorized(client.get("/api/v1/tasks"))


def test_the_key_counts_only_in_the_header(server, org):
    with server.client() as client:
        assert_unauthorized(client.get("/api/v1/tasks", params={"api_key": org.api_key}))
        assert_unauthorized(client.get("/api/v1/tasks", headers={"Cookie": f"gt_session={org.api_key}"}))


def test_scheme_is_case_insensitive(server, org):
    with server.client() as client:
        response = client.get("/api/v1/tasks", headers={"Authorization": f"bearer {org.api_key}"})
    assert response.status_code == 200


def test_two_authorization_headers_are_refused(server, org):
    with server.client() as client:
        headers = [("Authorization", f"Bearer {org.api_key}"), ("Authorization", "Bearer gt_sk_x")]
        assert client.get("/api/v1/tasks", headers=headers).status_code in (400, 401)


# What each scope may do; 404 stands for "let through to a resource that does not exist".
SCOPES = [
    ("GET", "/api/v1/tasks", None, {"read": 200, "write": 200, "admin": 200}),
    ("GET", f"/api/v1/tasks/{NOBODY}", None, {"read": 404, "write": 404, "admin": 404}),
    ("GET", "/api/v1/commands/cmd_00000000000000000000000000", None, {"read": 404, "write": 404, "admin": 404}),
    ("POST", "/api/v1/tasks", SEED_BODY, {"read": 403, "write": 201, "admin": 201}),
    ("POST", f"/api/v1/tasks/{NOBODY}/cancel", {}, {"read": 403, "write": 404, "admin": 404}),
    ("GET", "/api/v1/api-keys", None, {"read": 403, "write": 403, "admin": 200}),
    ("POST", "/api/v1/api-keys", {"name": "x", "scopes": ["read"]}, {"read": 403, "write": 403, "admin": 201}),
    ("DELETE", f"/api/v1/api-keys/{NO_KEY}", None, {"read": 403, "write": 403, "admin": 404}),
]


@pytest.fixture(scope="module")
def scoped(server):
    """One organization with a key of each scope."""
    org = server.create_account("Scopes")
    yield {scope: org.create_key(scope)["secret"] for scope in ("read", "write", "admin")}
    org.close()


@pytest.mark.parametrize("scope", ["read", "write", "admin"])
@pytest.mark.parametrize(("method", "path", "body", "expected"), SCOPES, ids=[f"{m} {p[7:20]}" for m, p, *_ in SCOPES])
def test_scopes(server, scoped, scope, method, path, body, expected):
    with server.client(scoped[scope]) as client:
        response = client.request(method, path, json=body)
    assert response.status_code == expected[scope], response.text
    if expected[scope] == 403:
        error_of(response, 403, "forbidden")


def test_scope_is_checked_before_body_and_resource(server, scoped):
    with server.client(scoped["read"]) as client:
        bad = client.post("/api/v1/tasks", content=b"{", headers={"Content-Type": "application/json"})
        error_of(bad, 403, "forbidden")
        error_of(client.post("/api/v1/tasks/x/cancel", json={"surprise": 1}), 403, "forbidden")


def test_scopes_of_a_key_add_up(server, org):
    secret = org.create_key("read", "admin")["secret"]
    with server.client(secret) as client:
        assert client.post("/api/v1/tasks", json=SEED_BODY).status_code == 201
        assert client.get("/api/v1/api-keys").status_code == 200


def test_credential_is_checked_before_the_body(server):
    with server.client() as client:
        assert_unauthorized(client.post("/api/v1/tasks", content=b"{", headers={"Content-Type": "text/plain"}))


@pytest.mark.smoke
def test_tenants_do_not_see_each_other(server, org, make_org):
    """A foreign resource answers in the very bytes of one that does not exist."""
    stranger = make_org(server)
    task = org.create_task()
    key = org.create_key("read")
    for method, real, nobody in (
        ("GET", f"/api/v1/tasks/{task['id']}", f"/api/v1/tasks/{NOBODY}"),
        ("POST", f"/api/v1/tasks/{task['id']}/cancel", f"/api/v1/tasks/{NOBODY}/cancel"),
        ("DELETE", f"/api/v1/api-keys/{key['id']}", f"/api/v1/api-keys/{NO_KEY}"),
    ):
        foreign = stranger.http.request(method, real)
        nothing = stranger.http.request(method, nobody)
        error_of(foreign, 404, "not_found")
        assert foreign.content == nothing.content
        assert set(foreign.headers) == set(nothing.headers)
    assert stranger.all_tasks() == []
    assert key["id"] not in [item["id"] for item in stranger.http.get("/api/v1/api-keys").json()["data"]]
    assert org.get_task(task["id"]) == task
    with server.client(key["secret"]) as client:
        assert client.get("/api/v1/tasks").status_code == 200


def test_a_foreign_task_ignores_preconditions(server, org, make_org):
    """Neither If-Match nor If-None-Match may tell that a foreign task exists."""
    task = org.create_task()
    etag = org.http.get(f"/api/v1/tasks/{task['id']}").headers["ETag"]
    stranger = make_org(server).http
    error_of(stranger.get(f"/api/v1/tasks/{task['id']}", headers={"If-None-Match": etag}), 404, "not_found")
    error_of(stranger.post(f"/api/v1/tasks/{task['id']}/cancel", headers={"If-Match": '"999"'}), 404, "not_found")


@pytest.mark.smoke
def test_revocation_is_instant(server, org):
    """After the answer to DELETE no request with the key gets through, on any connection, warm caches included."""
    key = org.create_key("write")
    clients = [server.client(key["secret"]) for _ in range(8)]
    try:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            assert {r.status_code for r in pool.map(lambda c: c.get("/api/v1/tasks"), clients)} == {200}
            assert org.http.delete(f"/api/v1/api-keys/{key['id']}").status_code == 200
            for response in pool.map(lambda c: c.get("/api/v1/tasks"), clients):
                assert_unauthorized(response)
    finally:
        for client in clients:
            client.close()


def test_a_revoked_key_stays_revoked_after_restart(fresh_server, make_org):
    server = fresh_server()
    org = make_org(server)
    key = org.create_key("read")
    assert org.http.delete(f"/api/v1/api-keys/{key['id']}").status_code == 200
    assert server.stop() == 0
    server.start()
    with server.client(key["secret"]) as client:
        assert_unauthorized(client.get("/api/v1/tasks"))
    assert org.http.get("/api/v1/tasks").status_code == 200


def test_an_expired_key_is_refused(server, org):
    expires_at = (datetime.now(UTC) + timedelta(seconds=3)).replace(microsecond=0)
    key = org.create_key("read", expires_at=expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert key["expires_at"] == expires_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    with server.client(key["secret"]) as client:
        first = client.get("/api/v1/tasks")
        if datetime.now(UTC) < expires_at:
            assert first.status_code == 200
        wait_for(lambda: client.get("/api/v1/tasks").status_code == 401, "the key has expired")
        assert datetime.now(UTC) >= expires_at
        assert_unauthorized(client.get("/api/v1/tasks"))


def test_idempotency_keys_do_not_cross_tenants(server, org, make_org):
    stranger = make_org(server)
    mine = org.create_task(idempotency_key="shared", title="mine")
    theirs = stranger.http.post("/api/v1/tasks", json=task_body(title="theirs"), headers={"Idempotency-Key": "shared"})
    assert theirs.status_code == 201
    assert theirs.json()["id"] != mine["id"]
    assert "Idempotent-Replayed" not in theirs.headers
