"""What the configuration file changes for callers: host names, proxies in front, an organization's own limits."""
import json

import pytest

from harness import error_of

TASKS = "/api/v1/tasks"


def test_under_a_bound_host_name_all_of_its_paths_answer(fresh_server, make_org):
    server = fresh_server(settings={"hosts": {"groundtruth": ["gt.example"], "worker": ["work.example"]}})
    org = make_org(server)
    key = {"Authorization": f"Bearer {org.api_key}"}
    with server.client() as nobody:
        for host in ("gt.example", "GT.example:443", "other.example"):
            def get(path, **headers):
                return nobody.get(path, headers={"Host": host, **headers})
            assert get(TASKS, **key).status_code == 200
            assert get("/docs/groundtruth").status_code == 200
            assert get("/docs/worker").status_code == 200
            assert get("/openapi/groundtruth.json").status_code == 200
            assert get("/api/v1/worker/leaderboard").json()["code"] == "unauthorized"  # in the workers' own format
            error_of(get(f"/media/tsk_{'0' * 26}/{'0' * 64}"), 403, "forbidden")
            assert get("/dev/checkout.css").status_code == 200
            error_of(get("/nowhere"), 404, "not_found")
        away = nobody.get("/nowhere", headers={"Host": "work.example"})
        assert (away.status_code, away.json()["code"]) == (404, "not_found")
        assert nobody.get(TASKS, headers={"Host": "work.example", **key}).status_code == 404
        assert nobody.get("/docs/worker", headers={"Host": "work.example"}).status_code == 200


@pytest.mark.parametrize("is_trusted", [False, True])
def test_clients_behind_a_trusted_proxy_are_told_apart(fresh_server, is_trusted):
    limits = {"groundtruth": {"address_per_minute": 2}}
    server = fresh_server(rate_limits=True, settings={"rate_limits": limits, "http": {"trusted_proxies": ["127.0.0.0/8"]}}
                          if is_trusted else {"rate_limits": limits})
    with server.client() as nobody:
        def ask(address):
            return nobody.get(TASKS, headers={"X-Forwarded-For": f"198.51.100.7, {address}"}).status_code
        assert [ask("203.0.113.1") for _ in range(3)] == [401, 401, 429]
        assert ask("203.0.113.2") == (401 if is_trusted else 429)
    assert server.stop() == 0  # which writes what is still queued
    lines = (server.data / "access.log").read_text().splitlines()
    logged = "".join(line for line in lines if json.loads(line)["surface"] == "groundtruth")
    assert ('"remote":"203.0.113.2"' in logged) == is_trusted
    assert ('"remote":"127.0.0.1"' in logged) != is_trusted
    assert "198.51.100.7" not in logged


def test_clients_are_told_apart_in_every_form_that_proxies_write(fresh_server):
    """docs/proxies.md has the forms by product; the unit tests of client_address have each of them."""
    limits = {"groundtruth": {"address_per_minute": 1}}
    server = fresh_server(rate_limits=True, settings={"rate_limits": limits, "http": {"trusted_proxies": ["127.0.0.1"]}})
    forms = [("X-Forwarded-For", "203.0.113.1:4711"), ("X-Forwarded-For", "[2001:db8:0:2::1]:4711"),
             ("X-Forwarded-For", "::ffff:203.0.113.3"), ("X-Forwarded-For", "fe80::1%eth0"),
             ("Forwarded", "for=203.0.113.5;proto=https"), ("Forwarded", 'For="[2001:db8:0:6::1]:4711"')]
    with server.client() as nobody:
        def ask(name, value):
            return nobody.get(TASKS, headers={name: value}).status_code
        for form in forms:
            assert [ask(*form), ask(*form)] == [401, 429], form
        # What cannot be read is one client, whatever it says; the proxy is another.
        assert [ask("X-Forwarded-For", "unknown"), ask("X-Forwarded-For", "_k3"), ask("Forwarded", "for=_k4")] == [401, 429, 429]
        assert nobody.get(TASKS).status_code == 401
        assert ask("X-Forwarded-For", "[2001:db8:0:2:ffff::9]:1") == 429  # the same /64


def test_an_organization_may_have_limits_of_its_own(fresh_server, make_org):
    before = fresh_server()
    rich, plain = make_org(before), make_org(before)
    assert before.stop() == 0
    before.damaged = True  # another one serves its data from now on
    limits = {"key_per_minute": 3, "accounts": {rich.id: {"key_per_minute": 5}}}
    server = fresh_server(rate_limits=True, data=before.data, settings={"rate_limits": {"groundtruth": limits}})
    for org, limit in ((rich, 5), (plain, 3)):
        with server.client(org.api_key) as client:
            answers = [client.get(TASKS) for _ in range(limit + 1)]
        assert [answer.status_code for answer in answers] == [200] * limit + [429]
        assert {int(answer.headers["X-RateLimit-Limit"]) for answer in answers} == {limit}
