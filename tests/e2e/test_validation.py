"""Everything that a body or a query may be wrong in, and the field and code that the answer names for it."""
import json
from datetime import UTC, datetime, timedelta

import pytest

from harness import error_of, task_body

JSON = {"Content-Type": "application/json"}
PAST = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
BODY_LIMIT_BYTES = 256 * 1024
METADATA_LIMIT_BYTES = 16 * 1024


def wrong_fields(response) -> list[tuple[str, str]]:
    """(path, code) of every named field, sorted; each must say something to a person as well."""
    fields = error_of(response, 400, "validation_error")["fields"]
    for field in fields:
        assert list(field) == ["path", "code", "message"]
        assert field["message"]
    return sorted((field["path"], field["code"]) for field in fields)


TASK_BODIES = [
    # title
    ({"title": ...}, [("title", "required")]),
    ({"title": None}, [("title", "invalid_type")]),
    ({"title": 5}, [("title", "invalid_type")]),
    ({"title": ["x"]}, [("title", "invalid_type")]),
    ({"title": ""}, [("title", "out_of_range")]),
    ({"title": "x" * 201}, [("title", "out_of_range")]),
    ({"title": "日" * 201}, [("title", "out_of_range")]),
    ({"title": "a\0b"}, [("title", "invalid_value")]),
    # instructions
    ({"instructions": ...}, [("instructions", "required")]),
    ({"instructions": {}}, [("instructions", "invalid_type")]),
    ({"instructions": ""}, [("instructions", "out_of_range")]),
    ({"instructions": "x" * 10_001}, [("instructions", "out_of_range")]),
    ({"instructions": "\0"}, [("instructions", "invalid_value")]),
    # modalities
    ({"modalities": ...}, [("modalities", "required")]),
    ({"modalities": "video"}, [("modalities", "invalid_type")]),
    ({"modalities": {"video": True}}, [("modalities", "invalid_type")]),
    ({"modalities": []}, [("modalities", "out_of_range")]),
    ({"modalities": ["video", "smell"]}, [("modalities[1]", "invalid_value")]),
    ({"modalities": ["Video"]}, [("modalities[0]", "invalid_value")]),
    ({"modalities": ["video", 7]}, [("modalities[1]", "invalid_type")]),
    ({"modalities": [None]}, [("modalities[0]", "invalid_type")]),
    # reward_cents
    ({"reward_cents": ...}, [("reward_cents", "required")]),
    ({"reward_cents": "250"}, [("reward_cents", "invalid_type")]),
    ({"reward_cents": True}, [("reward_cents", "invalid_type")]),
    ({"reward_cents": None}, [("reward_cents", "invalid_type")]),
    ({"reward_cents": 250.5}, [("reward_cents", "invalid_type")]),
    ({"reward_cents": 0}, [("reward_cents", "out_of_range")]),
    ({"reward_cents": -1}, [("reward_cents", "out_of_range")]),
    ({"reward_cents": 1_000_001}, [("reward_cents", "out_of_range")]),
    ({"reward_cents": 2**53 + 1}, [("reward_cents", "out_of_range")]),
    ({"reward_cents": 2**63}, [("reward_cents", "out_of_range")]),
    ({"reward_cents": 2**64}, [("reward_cents", "out_of_range")]),
    ({"reward_cents": -(2**64)}, [("reward_cents", "out_of_range")]),
    ({"reward_cents": 10**40}, [("reward_cents", "out_of_range")]),
    # target_submissions
    ({"target_submissions": ...}, [("target_submissions", "required")]),
    ({"target_submissions": []}, [("target_submissions", "invalid_type")]),
    ({"target_submissions": 0}, [("target_submissions", "out_of_range")]),
    ({"target_submissions": 100_001}, [("target_submissions", "out_of_range")]),
    # deadline
    ({"deadline": 1_800_000_000}, [("deadline", "invalid_type")]),
    ({"deadline": "tomorrow"}, [("deadline", "invalid_value")]),
    ({"deadline": "2099-02-30T00:00:00Z"}, [("deadline", "invalid_value")]),
    ({"deadline": "2099-01-01"}, [("deadline", "invalid_value")]),
    ({"deadline": "2099-01-01T00:00:00"}, [("deadline", "invalid_value")]),
    ({"deadline": ""}, [("deadline", "invalid_value")]),
    ({"deadline": PAST}, [("deadline", "invalid_value")]),
    # metadata
    ({"metadata": "x"}, [("metadata", "invalid_type")]),
    ({"metadata": []}, [("metadata", "invalid_type")]),
    ({"metadata": 1}, [("metadata", "invalid_type")]),
    # fields that do not exist, among them those that only answers have
    ({"colour": 1}, [("colour", "unknown_field")]),
    ({"Title": "x"}, [("Title", "unknown_field")]),
    ({"id": "tsk_00000000000000000000000000"}, [("id", "unknown_field")]),
    ({"status": "open"}, [("status", "unknown_field")]),
    ({"": 1}, [("", "unknown_field")]),
    ({"__proto__": {}}, [("__proto__", "unknown_field")]),
    # all at once
    (
        {"title": ..., "reward_cents": "x", "target_submissions": 0, "modalities": ["smell"], "colour": 1},
        [("colour", "unknown_field"), ("modalities[0]", "invalid_value"), ("reward_cents", "invalid_type"),
         ("target_submissions", "out_of_range"), ("title", "required")],
    ),
]


@pytest.mark.parametrize(("changes", "expected"), TASK_BODIES,
                         ids=[f"{n}-{'+'.join(c)[:40] or 'empty'}" for n, (c, _) in enumerate(TASK_BODIES)])
def test_task_body(client, changes, expected):
    response = client.post("/api/v1/tasks", json=task_body(**changes))
    assert wrong_fields(response) == expected


@pytest.mark.smoke
def test_all_wrong_fields_at_once(client):
    fields = wrong_fields(client.post("/api/v1/tasks", json={"surprise": 1}))
    assert fields == sorted(
        [(name, "required") for name in task_body()] + [("surprise", "unknown_field")])


def test_modalities_are_distinct_and_at_most_four(client):
    twice = wrong_fields(client.post("/api/v1/tasks", json=task_body(modalities=["video", "text", "video"])))
    assert twice in ([("modalities[2]", "invalid_value")], [("modalities", "invalid_value")])
    five = wrong_fields(client.post(
        "/api/v1/tasks", json=task_body(modalities=["video", "audio", "image", "text", "video"])))
    assert ("modalities", "out_of_range") in five


@pytest.mark.parametrize("changes", [
    {"title": "x"}, {"title": "x" * 200}, {"title": "日" * 200}, {"title": "🎥" * 200},
    {"instructions": "x" * 10_000}, {"reward_cents": 1_000_000}, {"target_submissions": 100_000},
    {"metadata": {}}, {"metadata": {"a": None, "b": [], "c": {"d": 1e300}}}, {"metadata": {"": "empty name"}},
], ids=lambda changes: f"{next(iter(changes))}-{len(str(changes))}")
def test_the_ends_of_every_range_are_inside(client, changes):
    assert client.post("/api/v1/tasks", json=task_body(**changes)).status_code == 201


def test_metadata_limit(client):
    def metadata(size: int) -> dict:
        return {"k": "x" * (size - len('{"k":""}'))}

    def post(size: int):
        return client.post("/api/v1/tasks", headers=JSON,
                           content=json.dumps(task_body(metadata=metadata(size)), separators=(",", ":")))

    assert post(METADATA_LIMIT_BYTES).status_code == 201
    assert wrong_fields(post(METADATA_LIMIT_BYTES + 1)) == [("metadata", "out_of_range")]


GOOD = json.dumps(task_body())
DUPLICATES = [
    ('{"title":"a",' + GOOD[1:], "title"),
    (GOOD[:-1] + ',"reward_cents":250}', "reward_cents"),
    (GOOD[:-1] + ',"t\\u0069tle":"a"}', "title"),  # the same name, spelled with an escape
    (GOOD[:-1] + ',"metadata":{"a":1,"a":2}}', "metadata.a"),
]


@pytest.mark.parametrize(("body", "path"), DUPLICATES, ids=[path for _, path in DUPLICATES])
def test_duplicate_keys(client, body, path):
    assert (path, "duplicate_field") in wrong_fields(client.post("/api/v1/tasks", content=body, headers=JSON))


NOT_JSON = {
    "empty": b"",
    "spaces": b"   ",
    "word": b"hello",
    "half": GOOD[:-1].encode(),
    "two": GOOD.encode() + b" " + GOOD.encode(),
    "trailing": GOOD.encode() + b"x",
    "trailing comma": GOOD[:-1].encode() + b",}",
    "comment": b"/* */" + GOOD.encode(),
    "single quotes": b"{'title': 'a'}",
    "NaN": GOOD.replace("250", "NaN").encode(),
    "Infinity": GOOD.replace("250", "Infinity").encode(),
    "minus Infinity": GOOD.replace("250", "-Infinity").encode(),
    "leading zero": GOOD.replace("250", "0250").encode(),
    "plus": GOOD.replace("250", "+250").encode(),
    "hexadecimal": GOOD.replace("250", "0xfa").encode(),
    "byte order mark": b"\xef\xbb\xbf" + GOOD.encode(),
    "UTF-16": GOOD.encode("utf-16"),
    "invalid UTF-8": GOOD.replace("busy", "b\udcff").encode("utf-8", "surrogateescape"),
    "overlong UTF-8": GOOD.encode().replace(b"busy", b"\xc0\xaf"),
    "UTF-8 surrogate": GOOD.encode().replace(b"busy", b"\xed\xa0\x80"),
    "raw control character": GOOD.replace("busy", "bu\x01sy").encode(),
    "raw NUL": GOOD.replace("busy", "bu\0sy").encode(),
    "bad escape": GOOD.replace("busy", "\\q").encode(),
    "deep": b"[" * 100_000,
    "deep object": b'{"metadata":' * 20_000,
    "form": b"title=a&reward_cents=1",
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
def test_a_body_that_is_not_json(client, body):
    details = error_of(client.post("/api/v1/tasks", content=body, headers=JSON), 400, "validation_error")
    assert details["reason"]


@pytest.mark.parametrize("body", ["[]", "null", "1", '"text"', "true", f"[{GOOD}]"])
def test_a_body_that_is_no_object(client, body):
    details = error_of(client.post("/api/v1/tasks", content=body, headers=JSON), 400, "validation_error")
    assert details.get("reason") or details["fields"][0]["code"] == "invalid_type"


@pytest.mark.parametrize("escape", ["\\ud800", "\\udc00", "\\ud800\\u0041", "\\ud83d"])
def test_half_a_surrogate_pair_is_refused(client, escape):
    """It is grammatical JSON but no text: it has no UTF-8."""
    response = client.post("/api/v1/tasks", content=GOOD.replace("busy", escape), headers=JSON)
    error_of(response, 400, "validation_error")


def test_nul_in_metadata_is_refused(client):
    for metadata in ({"a": "x\0y"}, {"x\0y": 1}, {"a": ["\0"]}):
        error_of(client.post("/api/v1/tasks", json=task_body(metadata=metadata)), 400, "validation_error")


def test_deep_but_closed_metadata_is_an_answer_and_no_crash(client):
    deep = "[" * 5_000 + "]" * 5_000
    response = client.post("/api/v1/tasks", headers=JSON, content=GOOD[:-1] + ',"metadata":{"a":' + deep + "}}")
    error_of(response, 400, "validation_error")


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded",
                                          "multipart/form-data; boundary=x", "application/jsonp", "json", ""])
def test_other_content_types(client, content_type):
    response = client.post("/api/v1/tasks", content=GOOD, headers={"Content-Type": content_type})
    error_of(response, 415, "unsupported_media_type")


def test_a_body_without_content_type(client):
    request = client.build_request("POST", "/api/v1/tasks", content=GOOD)
    request.headers.pop("Content-Type", None)
    error_of(client.send(request), 415, "unsupported_media_type")


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON",
                                          "application/json;charset=UTF-8"])
def test_spellings_of_json(client, content_type):
    assert client.post("/api/v1/tasks", content=GOOD, headers={"Content-Type": content_type}).status_code == 201


def test_body_limit_is_exact(client):
    at_limit = GOOD + " " * (BODY_LIMIT_BYTES - len(GOOD))
    assert client.post("/api/v1/tasks", content=at_limit, headers=JSON).status_code == 201
    error_of(client.post("/api/v1/tasks", content=at_limit + " ", headers=JSON), 413, "payload_too_large")


def test_body_limit_holds_for_chunks(client):
    def chunks():
        for _ in range(80):
            yield b" " * 4096

    error_of(client.post("/api/v1/tasks", content=chunks(), headers=JSON), 413, "payload_too_large")


QUERIES = [
    ("/api/v1/tasks?surprise=1", [("surprise", "unknown_field")]),
    ("/api/v1/tasks?limit=0", [("limit", "out_of_range")]),
    ("/api/v1/tasks?limit=101", [("limit", "out_of_range")]),
    ("/api/v1/tasks?limit=-1", [("limit", "out_of_range")]),
    ("/api/v1/tasks?limit=99999999999999999999", [("limit", "out_of_range")]),
    ("/api/v1/tasks?limit=ten", [("limit", "invalid_type")]),
    ("/api/v1/tasks?limit=1.5", [("limit", "invalid_type")]),
    ("/api/v1/tasks?limit=", [("limit", "invalid_type")]),
    ("/api/v1/tasks?limit=0x10", [("limit", "invalid_type")]),
    ("/api/v1/tasks?per_page=0", [("per_page", "out_of_range")]),
    ("/api/v1/tasks?per_page=101", [("per_page", "out_of_range")]),
    ("/api/v1/tasks?page=0", [("page", "out_of_range")]),
    ("/api/v1/tasks?page=100001", [("page", "out_of_range")]),
    ("/api/v1/tasks?page=x", [("page", "invalid_type")]),
    ("/api/v1/tasks?status=funny", [("status", "invalid_value")]),
    ("/api/v1/tasks?status=", [("status", "invalid_value")]),
    ("/api/v1/tasks?status=FUNDING", [("status", "invalid_value")]),
    ("/api/v1/tasks?created_after=yesterday", [("created_after", "invalid_value")]),
    ("/api/v1/tasks?created_before=2026-13-01T00:00:00Z", [("created_before", "invalid_value")]),
    ("/api/v1/tasks?cursor=nonsense", [("cursor", "invalid_value")]),
    ("/api/v1/tasks?limit=0&status=funny&surprise=1",
     [("limit", "out_of_range"), ("status", "invalid_value"), ("surprise", "unknown_field")]),
    ("/api/v1/api-keys?limit=0", [("limit", "out_of_range")]),
    ("/api/v1/api-keys?status=open", [("status", "unknown_field")]),
]


@pytest.mark.parametrize(("target", "expected"), QUERIES, ids=[target for target, _ in QUERIES])
def test_query(client, target, expected):
    assert wrong_fields(client.get(target)) == expected


def test_unknown_query_parameters_everywhere(org):
    task = org.create_task()
    for method, path, body in (
        ("GET", f"/api/v1/tasks/{task['id']}", None),
        ("POST", "/api/v1/tasks", GOOD),
        ("POST", f"/api/v1/tasks/{task['id']}/cancel", None),
        ("DELETE", "/api/v1/api-keys/key_00000000000000000000000000", None),
    ):
        headers = JSON if body else {}
        response = org.http.request(method, path, params={"surprise": "1"}, content=body, headers=headers)
        assert wrong_fields(response) == [("surprise", "unknown_field")], (method, path)
    assert org.get_task(task["id"])["status"] == "funding"


@pytest.mark.parametrize("query", ["a=%00", "limit=%ff", "status=%zz", "%", "&&&", "=", "limit", "limit=1&limit=2",
                                   "x" * 4000, "cursor=" + "a" * 4000])
def test_odd_queries_get_an_answer(client, query):
    assert client.get(f"/api/v1/tasks?{query}").status_code in (200, 400, 414, 431)


API_KEY_BODIES = [
    ({}, [("name", "required"), ("scopes", "required")]),
    ({"name": "", "scopes": ["read"]}, [("name", "out_of_range")]),
    ({"name": "x" * 101, "scopes": ["read"]}, [("name", "out_of_range")]),
    ({"name": 1, "scopes": ["read"]}, [("name", "invalid_type")]),
    ({"name": "a\0", "scopes": ["read"]}, [("name", "invalid_value")]),
    ({"name": "a", "scopes": []}, [("scopes", "out_of_range")]),
    ({"name": "a", "scopes": "read"}, [("scopes", "invalid_type")]),
    ({"name": "a", "scopes": ["root"]}, [("scopes[0]", "invalid_value")]),
    ({"name": "a", "scopes": ["read", 1]}, [("scopes[1]", "invalid_type")]),
    ({"name": "a", "scopes": ["read"], "expires_at": PAST}, [("expires_at", "invalid_value")]),
    ({"name": "a", "scopes": ["read"], "expires_at": "soon"}, [("expires_at", "invalid_value")]),
    ({"name": "a", "scopes": ["read"], "expires_at": 5}, [("expires_at", "invalid_type")]),
    ({"name": "a", "scopes": ["read"], "secret": "gt_sk_mine"}, [("secret", "unknown_field")]),
]


@pytest.mark.parametrize(("body", "expected"), API_KEY_BODIES)
def test_api_key_body(client, body, expected):
    assert wrong_fields(client.post("/api/v1/api-keys", json=body)) == expected


def test_scopes_are_distinct(client):
    fields = wrong_fields(client.post("/api/v1/api-keys", json={"name": "a", "scopes": ["read", "read"]}))
    assert fields in ([("scopes[1]", "invalid_value")], [("scopes", "invalid_value")])


def test_dev_echo_parses_what_it_is_sent(client):
    value = {"a": [1, "é", None, {"b": False}]}
    response = client.post("/dev/echo", json=value)
    assert response.status_code == 200, response.text
    echoed = response.json()
    assert echoed == value or value in echoed.values()
    error_of(client.post("/dev/echo", content=b"{", headers=JSON), 400, "validation_error")
