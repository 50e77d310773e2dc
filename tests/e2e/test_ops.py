"""The operators' listener: health, metrics, its token, and that neither listener answers for the other."""
import re
import stat

import httpx
import pytest


@pytest.mark.smoke
@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_health_needs_no_token(server, path):
    assert httpx.get(server.ops_url + path, trust_env=False).status_code == 200


def test_metrics_are_prometheus_text(server, client):
    client.get("/api/v1/tasks")
    response = httpx.get(server.ops_url + "/metrics", trust_env=False)
    assert response.headers["content-type"].startswith("text/plain")
    samples = [line for line in response.text.splitlines() if line and not line.startswith("#")]
    assert samples
    for line in samples:
        assert re.fullmatch(r'[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})? \S+( \d+)?', line), line
    assert any("orphan" in line for line in samples), "the orphan rate is what an alarm hangs on"


def test_metrics_hold_no_ids(server, org):
    org.create_task()
    text = httpx.get(server.ops_url + "/metrics", trust_env=False).text
    assert org.id not in text and org.api_key not in text


@pytest.mark.smoke
@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer x", "Basic x", "Bearer gt_sk_x"])
def test_ops_need_the_token(server, authorization):
    headers = {} if authorization is None else {"Authorization": authorization}
    for path in ("/ops/routes", "/ops/nothing"):
        response = httpx.get(server.ops_url + path, headers=headers, trust_env=False)
        assert response.status_code == 401
        assert "/api/v1" not in response.text


def test_an_api_key_is_no_ops_token(server, org):
    response = httpx.get(server.ops_url + "/ops/routes", headers={"Authorization": f"Bearer {org.api_key}"},
                         trust_env=False)
    assert response.status_code == 401


def test_the_ops_token_is_no_api_key(server):
    with server.client(server.ops_token) as client:
        assert client.get("/api/v1/tasks").status_code == 401


def test_the_token_is_for_its_owner_only(server):
    assert stat.S_IMODE((server.data / "ops.token").stat().st_mode) == 0o600
    assert len(server.ops_token) >= 32


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/ops/routes"])
def test_the_public_listener_has_no_ops(server, path):
    with server.client(server.ops_token) as client:
        assert client.get(path).status_code == 404


def test_the_ops_listener_has_no_api(server, org):
    response = httpx.get(server.ops_url + "/api/v1/tasks", headers={"Authorization": f"Bearer {org.api_key}"},
                         trust_env=False)
    assert response.status_code == 404
