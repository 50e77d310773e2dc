"""API keys: making, listing, using, revoking, and that a secret is shown once and kept nowhere."""
import concurrent.futures
import re

import pytest

from harness import error_of, wait_for

TIME = re.compile(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$")
CREATED = ["id", "name", "scopes", "prefix", "created_at", "last_used_at", "expires_at", "secret"]


def listed(org, id):
    """The key as the list shows it, or None."""
    response = org.http.get("/api/v1/api-keys", params={"limit": 100})
    assert response.status_code == 200, response.text
    return next((key for key in response.json()["data"] if key["id"] == id), None)


@pytest.mark.smoke
def test_the_first_key_of_an_organization(org):
    assert re.fullmatch(r"org_[0-9a-hjkmnp-tv-z]{26}", org.id)
    assert org.api_key.startswith("gt_sk_")
    keys = org.http.get("/api/v1/api-keys").json()
    assert keys["pagination"] == {"total": 1, "page": 1, "per_page": 20, "next_cursor": None}
    [key] = keys["data"]
    assert list(key) == CREATED[:-1]
    assert "admin" in key["scopes"]
    assert org.api_key.startswith(key["prefix"])
    assert key["expires_at"] is None


@pytest.mark.smoke
def test_creating_a_key(server, org):
    response = org.http.post("/api/v1/api-keys", json={"name": "dashboard", "scopes": ["read", "write"]})
    assert response.status_code == 201, response.text
    key = response.json()
    assert list(key) == CREATED
    assert re.fullmatch(r"key_[0-9a-hjkmnp-tv-z]{26}", key["id"])
    assert (key["name"], key["scopes"], key["last_used_at"], key["expires_at"]) == (
        "dashboard", ["read", "write"], None, None)
    assert TIME.fullmatch(key["created_at"])
    assert key["secret"].startswith(key["prefix"]) and key["prefix"].startswith("gt_sk_")
    assert len(key["secret"]) - len(key["prefix"]) >= 22, "the hidden part holds at least 128 bits"
    with server.client(key["secret"]) as client:
        assert client.get("/api/v1/tasks").status_code == 200


def test_the_list_shows_every_key_and_no_secret(org):
    made = [org.create_key("read", name=f"key {n}") for n in range(3)]
    response = org.http.get("/api/v1/api-keys")
    names = [key["name"] for key in response.json()["data"]]
    assert names[:3] == ["key 2", "key 1", "key 0"], "newest first"
    for key in made:
        shown = listed(org, key["id"])
        assert shown == {name: value for name, value in key.items() if name != "secret"}
        assert key["secret"] not in response.text


def test_the_list_is_paged(org):
    made = [org.create_key("read", name=f"key {n}")["id"] for n in range(4)]
    seen = []
    parameters = {"limit": 2}
    while True:
        page = org.http.get("/api/v1/api-keys", params=parameters).json()
        assert len(page["data"]) <= 2
        assert page["pagination"]["total"] == 5
        seen += [key["id"] for key in page["data"]]
        if page["pagination"]["next_cursor"] is None:
            break
        parameters = {"limit": 2, "cursor": page["pagination"]["next_cursor"]}
    assert seen[:4] == made[::-1]
    assert len(seen) == len(set(seen)) == 5


def test_last_use_is_recorded_to_the_minute(server, org):
    key = org.create_key("read")
    assert listed(org, key["id"])["last_used_at"] is None
    with server.client(key["secret"]) as client:
        assert client.get("/api/v1/tasks").status_code == 200
    used = wait_for(lambda: listed(org, key["id"])["last_used_at"], "the use of the key is recorded")
    assert TIME.fullmatch(used) and used.endswith(":00Z")


def test_a_name_of_a_hundred_characters(org):
    assert org.create_key("read", name="日" * 100)["name"] == "日" * 100


def test_two_keys_may_have_the_same_name(org):
    first, second = org.create_key("read", name="same"), org.create_key("read", name="same")
    assert first["id"] != second["id"] and first["secret"] != second["secret"]


@pytest.mark.smoke
def test_revoking(org):
    key = org.create_key("read")
    response = org.http.delete(f"/api/v1/api-keys/{key['id']}")
    assert response.status_code == 200, response.text
    answer = response.json()
    assert list(answer) == ["id", "revoked", "revoked_at"]
    assert (answer["id"], answer["revoked"]) == (key["id"], True)
    assert TIME.fullmatch(answer["revoked_at"])
    assert listed(org, key["id"]) is None
    error_of(org.http.delete(f"/api/v1/api-keys/{key['id']}"), 404, "not_found")


def test_a_key_may_revoke_itself(server, org):
    """Also the last one: the operator can make another."""
    [first] = org.http.get("/api/v1/api-keys").json()["data"]
    assert org.http.delete(f"/api/v1/api-keys/{first['id']}").status_code == 200
    error_of(org.http.get("/api/v1/tasks"), 401, "unauthorized")


def test_two_keys_may_revoke_each_other(server, org):
    [first] = org.http.get("/api/v1/api-keys").json()["data"]
    second = org.create_key("admin")
    with server.client(second["secret"]) as other, concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = [
            pool.submit(org.http.delete, f"/api/v1/api-keys/{second['id']}"),
            pool.submit(other.delete, f"/api/v1/api-keys/{first['id']}"),
        ]
        statuses = sorted(answer.result().status_code for answer in answers)
    # Whoever comes second may already be refused because its own key is gone.
    assert statuses in ([200, 200], [200, 401])


def test_secrets_are_in_no_file(fresh_server, make_org):
    """Only bcrypt hashes are stored: neither the journal nor any read model, log or key file holds a secret."""
    server = fresh_server()
    org = make_org(server)
    key = org.create_key("read")
    with server.client(key["secret"]) as client:
        assert client.get("/api/v1/tasks").status_code == 200
    replay = org.http.post("/api/v1/api-keys", json={"name": "x", "scopes": ["read"]}, headers={"Idempotency-Key": "k"})
    secrets = [org.api_key, key["secret"], replay.json()["secret"]]
    prefixes = [item["prefix"] for item in org.http.get("/api/v1/api-keys").json()["data"]]
    for secret in secrets:
        prefix = next(p for p in prefixes if secret.startswith(p))
        hidden = secret[len(prefix):].strip("_").encode()
        for path in [*server.data.rglob("*"), server.log]:
            if path.is_file():
                assert hidden not in path.read_bytes(), f"{path} holds a secret"
