"""Workers' accounts: registering, the link in the mail, logging in, the token, the profile."""
import base64
import concurrent.futures
import hashlib
import hmac
import json
import re
from datetime import UTC, datetime, timedelta

import pytest

import chain
import workers
from harness import wait_for
from workers import BASE, PASSWORD, Worker, error_of, registration, wrong_fields

TIME = re.compile(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$")
WORKER_ID = re.compile(r"wrk_[0-9a-hjkmnp-tv-z]{26}")
MONTREAL = {"lat": 45.5017, "lng": -73.5673, "radius_km": 25}


@pytest.fixture
def nobody(server):
    """A client without any credential."""
    with server.client() as client:
        yield client


def post(client, path: str, body, key: str | None = None):
    headers = {} if key is None else {"Idempotency-Key": key}
    return client.post(BASE + path, json=body, headers=headers)


def login(client, email: str, password: str = PASSWORD):
    return post(client, "/login", {"email": email, "password": password})


# Registering


@pytest.mark.smoke
def test_what_registering_answers(nobody):
    body = registration(skills=["French", "photography"], modalities=["audio", "text"], location=MONTREAL)
    response = post(nobody, "/register", body)
    assert response.status_code == 201, response.text
    assert re.fullmatch(r"workers\.\d+\.\d+", response.headers["Journal-Position"])
    answer = response.json()
    assert list(answer) == ["worker", "message"]
    assert answer["message"]
    worker = answer["worker"]
    assert WORKER_ID.fullmatch(worker["id"])
    assert TIME.fullmatch(worker["created_at"])
    assert worker == {
        "id": worker["id"], "name": body["name"], "email": body["email"], "email_verified": False,
        "skills": ["french", "photography"], "modalities": ["audio", "text"], "location": MONTREAL,
        "created_at": worker["created_at"],
    }
    assert PASSWORD not in response.text


def test_what_may_be_left_out(nobody):
    worker = post(nobody, "/register", registration()).json()["worker"]
    assert (worker["skills"], worker["modalities"], worker["location"]) == ([], [], None)
    worker = post(nobody, "/register", registration(skills=[], modalities=[], location=None)).json()["worker"]
    assert (worker["skills"], worker["modalities"], worker["location"]) == ([], [], None)
    place = {"lat": -33.5, "lng": 151}
    worker = post(nobody, "/register", registration(location=place)).json()["worker"]
    assert worker["location"] == {**place, "radius_km": 25}


def test_an_address_that_was_verified_is_taken(server, nobody):
    worker = workers.register(server)
    worker.verify()
    error_of(post(nobody, "/register", registration(email=worker.email)), 409, "conflict")
    error_of(post(nobody, "/register", registration(email=worker.email.upper(), name="Somebody Else")), 409, "conflict")


def test_one_that_was_only_entered_is_not(server, nobody):
    body = registration()
    answers = [post(nobody, "/register", {**body, "name": name}) for name in ("One", "Two")]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert len({answer.json()["worker"]["id"] for answer in answers}) == 2


def test_the_same_address_at_the_same_time(server):
    body = registration()

    def send(_):
        with server.client() as client:
            return post(client, "/register", body)

    def verify(id):
        with server.client() as client:
            return client.post(workers.link_of(server, id))

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send, range(4)))
        assert [answer.status_code for answer in answers] == [201] * 4
        verdicts = list(pool.map(verify, [answer.json()["worker"]["id"] for answer in answers]))
    assert sorted(verdict.status_code for verdict in verdicts) == [200, 409, 409, 409], "one of them has it"


def test_a_customer_and_a_worker_may_share_an_address(server, make_org, nobody):
    email = workers.new_email()
    make_org(server, email=email)
    assert post(nobody, "/register", registration(email=email)).status_code == 201


def test_every_wrong_field_is_named_at_once(nobody):
    body = {"name": "", "email": "nobody", "password": "short", "skills": ["a", 7], "modalities": ["smell"],
            "location": {"lat": 91, "lng": "west", "radius_km": -1, "height": 3}, "age": 30}
    response = post(nobody, "/register", body)
    assert set(wrong_fields(response)) == {
        ("name", "out_of_range"), ("email", "invalid_value"), ("password", "out_of_range"),
        ("skills[1]", "invalid_type"), ("modalities[0]", "invalid_value"), ("location.lat", "out_of_range"),
        ("location.lng", "invalid_type"), ("location.radius_km", "out_of_range"),
        ("location.height", "unknown_field"), ("age", "unknown_field"),
    }
    assert "short" not in response.text, "a password is never said back"


def test_what_is_required(nobody):
    assert set(wrong_fields(post(nobody, "/register", {}))) == {
        ("name", "required"), ("email", "required"), ("password", "required")}
    assert set(wrong_fields(post(nobody, "/register", registration(location={})))) == {
        ("location.lat", "required"), ("location.lng", "required")}


@pytest.mark.parametrize(("field", "value"), [
    ("email", "a@"), ("email", "@b.example"), ("email", "a b@c.example"), ("email", "a@b@c.example"),
    ("email", "a@x.example\r\nBcc: b@x.example"), ("email", "a" * 250 + "@x.example"),
    ("email", None), ("email", 7), ("email", ["a@x.example"]),
    *(("email", text) for text in ("<script>@x.example", "a,b@x.example", "a@x_y.example", "(a)@x.example")),
    ("name", "x" * 101), ("name", None), ("name", "a\0b"), ("name", {"first": "A"}),
    ("password", "123456789"), ("password", None), ("password", 1234567890123), ("password", "x" * 201),
    ("skills", "french"), ("skills", ["x" * 41]), ("skills", [""]), ("skills", ["a"] * 2), ("skills", ["French", "french"]),
    ("skills", [f"skill {n}" for n in range(51)]), ("modalities", ["audio", "audio"]), ("modalities", "audio"),
    ("location", "Montreal"), ("location", []), ("location.lat", {"lat": -90.001, "lng": 0}),
    ("location.lng", {"lat": 0, "lng": 180.001}), ("location.radius_km", {"lat": 0, "lng": 0, "radius_km": 20001}),
    ("location.radius_km", {"lat": 0, "lng": 0, "radius_km": 1.5}),
])
def test_what_is_no_value_for_a_field(nobody, field, value):
    response = post(nobody, "/register", registration(**{field.split(".")[0]: value}))
    assert {path.split("[")[0] for path, _ in wrong_fields(response)} == {field}


@pytest.mark.parametrize("value", ["a+tag@x.example", "o'brien@x-y.example", "A.B@X.EXAMPLE"])
def test_addresses_that_are_allowed(server, nobody, value):
    unique = workers.new_email().split("@")[0] + "." + value
    response = post(nobody, "/register", registration(email=unique))
    assert response.status_code == 201, response.text
    assert response.json()["worker"]["email"].lower() == unique.lower()
    to = workers.mail_of(server, response.json()["worker"]["id"])["To"]
    assert unique.lower() in str(to).lower()


def test_names_that_try_to_write_headers(server, nobody):
    name = "Ada\r\nBcc: everyone@example.test\r\n\r\n<script>alert(1)</script>"
    response = post(nobody, "/register", registration(name=name))
    if response.status_code == 400:
        return  # refused is as good
    mail = workers.mail_of(server, response.json()["worker"]["id"])
    assert mail["Bcc"] is None
    assert [str(to) for to in mail.get_all("To")] == [response.json()["worker"]["email"]]


def test_names_that_try_to_write_mails(server, nobody):
    """Anyone may enter anyone's address: what is sent there must not be theirs to write."""
    name = "Ada\n\nYou have won! Open http://evil.example/prize now."
    response = post(nobody, "/register", registration(name=name))
    if response.status_code == 400:
        return
    text = workers.mail_of(server, response.json()["worker"]["id"]).get_content()
    assert not [line for line in text.splitlines() if line.startswith("You have won")]
    assert "http://evil.example" not in text


@pytest.mark.parametrize(("content", "type", "status", "code"), [
    (b"{", "application/json", 400, "validation_error"),
    (b"", "application/json", 400, "validation_error"),
    (b"[]", "application/json", 400, "validation_error"),
    (b'{"name":"a","name":"b"}', "application/json", 400, "validation_error"),
    (b"\xff", "application/json", 400, "validation_error"),
    (b"name=Ada", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
    (b"{}", "text/plain", 415, "unsupported_media_type"),
    (b'{"name":"' + b"x" * 262144 + b'"}', "application/json", 413, "payload_too_large"),
])
def test_bodies_that_are_no_registration(nobody, content, type, status, code):
    response = nobody.post(f"{BASE}/register", content=content, headers={"Content-Type": type})
    error_of(response, status, code)


def test_registering_is_idempotent(server, nobody):
    body = registration()
    first = post(nobody, "/register", body, "one")
    again = post(nobody, "/register", body, "one")
    assert first.status_code == 201
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Journal-Position"] == first.headers["Journal-Position"]
    workers.mail_of(server, first.json()["worker"]["id"])
    error_of(post(nobody, "/register", {**body, "name": "Another"}, "one"), 409, "idempotency_key_reused")
    # The key belongs to the address: somebody else may use the same.
    other = post(nobody, "/register", registration(), "one")
    assert other.status_code == 201 and "Idempotent-Replayed" not in other.headers


def test_a_taken_address_is_refused_again_and_nothing_is_kept_of_it(server, nobody):
    body = registration()
    Worker(server, post(nobody, "/register", body).json()["worker"], PASSWORD).verify()
    refused = post(nobody, "/register", body, "late")
    error_of(refused, 409, "conflict")
    again = post(nobody, "/register", body, "late")
    assert (again.status_code, again.content) == (409, refused.content)
    assert "Idempotent-Replayed" not in again.headers


def test_a_malformed_path_is_answered_in_this_format(nobody):
    error_of(nobody.get(f"{BASE}/%00/public"), 400, "validation_error")


def test_neither_password_nor_address_is_in_the_journal(fresh_server):
    server = fresh_server()
    body = registration(email="zephyrine@quillfeather.example", name="Zephyrine Quillfeather", location=MONTREAL,
                        password="a very private password")
    with server.client() as client:
        assert post(client, "/register", body).status_code == 201
    for partition in server.journal():
        for commit in partition.commits:
            for word in (b"quillfeather", b"Quillfeather", b"private password", b"45.5017", b"45501700", b"argon2"):
                assert word not in commit, (partition.name, word)


# The link in the mail


@pytest.mark.smoke
def test_the_link_verifies_the_address(server, nobody):
    worker = workers.register(server)
    error_of(login(nobody, worker.email), 403, "forbidden")
    link = workers.link_of(server, worker.id)
    assert link.startswith(f"{BASE}/verify?token=")
    first = nobody.post(link)
    assert first.status_code == 200, first.text
    assert first.json()["verified"] is True
    again = nobody.post(link)
    assert (again.status_code, again.json()["verified"]) == (200, True), "a button may be pressed twice"
    assert "Journal-Position" in first.headers and "Journal-Position" not in again.headers
    answer = worker.login()
    assert list(answer) == ["token", "token_type", "expires_at", "worker"]
    assert answer["token_type"] == "Bearer"
    assert answer["worker"] == {"id": worker.id, "name": worker.name, "email": worker.email, "level": 1,
                                "trust_score": answer["worker"]["trust_score"]}
    assert worker.get("/profile")["email_verified"] is True


def test_using_the_link_twice_is_one_event(server, nobody):
    worker = workers.register(server)
    link = workers.link_of(server, worker.id)
    assert [nobody.post(link).status_code for _ in range(3)] == [200] * 3
    types = [event["type"] for event in chain.events_of(chain.check_journal(server.journal()), worker.id)]
    assert types.count("worker.verified") == 1


def test_links_that_nobody_was_sent(server, nobody):
    """The time in it cannot be waited for, so it is changed: forward, backward, and for somebody else."""
    worker, other = workers.register(server), workers.register(server)
    link = workers.link_of(server, worker.id)
    token = link.split("token=")[1]
    subject, expiry, mac = token.split(".")
    altered = [
        f"{subject}.{int(expiry) + 1}.{mac}", f"{subject}.{int(expiry) - 10**6}.{mac}", f"{other.id}.{expiry}.{mac}",
        f"{subject}.{expiry}.{'A' * len(mac)}", f"{subject}.{expiry}.", f"{subject}.{expiry}", subject, "x", "..", token[:-1],
        token + "A", token.upper(), f"{subject}.0{expiry}.{mac}", f"{subject}.+{expiry}.{mac}",
        mac[:-1] + ("A" if mac[-1] != "A" else "B"),
    ]
    for wrong in altered:
        for method in ("GET", "POST"):
            response = nobody.request(method, f"{BASE}/verify", params={"token": wrong})
            error_of(response, 400, "validation_error")
    for method in ("GET", "POST"):
        assert wrong_fields(nobody.request(method, f"{BASE}/verify")) == [("token", "required")]
        response = nobody.request(method, f"{BASE}/verify", params={"token": token, "x": "1"})
        assert wrong_fields(response) == [("x", "unknown_field")]
    for one in (worker, other):
        error_of(login(nobody, one.email), 403, "forbidden")


def test_a_forged_link_for_nobody_says_the_same_as_for_somebody(server, nobody):
    worker = workers.register(server)
    _, expiry, mac = workers.link_of(server, worker.id).split("token=")[1].split(".")
    answers = [nobody.post(f"{BASE}/verify", params={"token": f"{id}.{expiry}.{'A' * len(mac)}"})
               for id in (worker.id, "wrk_" + "0" * 26)]
    assert answers[0].content == answers[1].content


def test_a_registration_outlives_a_kill(fresh_server):
    server = fresh_server()
    worker = workers.register(server)
    server.kill()
    server.start()
    worker.verify()
    worker.login()
    server.kill()
    server.start()
    assert worker.get("/profile")["id"] == worker.id, "a token is good on the next process too"


# Logging in


def test_nobody_learns_whether_an_address_is_registered(server, worker, nobody):
    unverified = workers.register(server)
    wrong = login(nobody, worker.email, "not the password")
    error_of(wrong, 401, "unauthorized")
    for email, password in ((workers.new_email(), PASSWORD), ("no address", PASSWORD),
                            (unverified.email, "not the password")):
        answer = login(nobody, email, password)
        assert (answer.status_code, answer.content) == (401, wrong.content)


def test_the_spelling_of_the_address_does_not_matter(worker, nobody):
    assert login(nobody, worker.email.upper()).status_code == 200
    assert login(nobody, worker.email, PASSWORD.upper()).status_code == 401
    assert login(nobody, worker.email, PASSWORD + " ").status_code == 401


def test_what_logging_in_needs(nobody):
    assert set(wrong_fields(post(nobody, "/login", {}))) == {("email", "required"), ("password", "required")}
    assert wrong_fields(post(nobody, "/login", {"email": "a@x.example", "password": "x", "otp": "1"})) == [
        ("otp", "unknown_field")]
    assert {path for path, _ in wrong_fields(post(nobody, "/login", {"email": 1, "password": []}))} == {
        "email", "password"}


def test_logging_in_ignores_the_idempotency_key(worker, nobody):
    first = post(nobody, "/login", {"email": worker.email, "password": "wrong password"}, "one")
    second = post(nobody, "/login", {"email": worker.email, "password": PASSWORD}, "one")
    assert (first.status_code, second.status_code) == (401, 200)
    assert "Idempotent-Replayed" not in second.headers


def test_attempts_are_limited_by_address(fresh_server):
    """Ten a minute for one e-mail address, whoever asks; another address is not held up."""
    server = fresh_server(rate_limits=True)
    with server.client() as client:
        email = workers.new_email()
        answers = [login(client, email, "wrong password") for _ in range(11)]
        assert [answer.status_code for answer in answers] == [401] * 10 + [429]
        details = error_of(answers[-1], 429, "rate_limited")
        assert details["retry_after_seconds"] == int(answers[-1].headers["Retry-After"]) > 0
        error_of(login(client, email.upper(), "wrong password"), 429, "rate_limited")
        error_of(login(client, workers.new_email(), "wrong password"), 401, "unauthorized")


# The token


def part(value: dict) -> str:
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).rstrip(b"=").decode()


def parse(text: str) -> dict:
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def test_the_token_is_what_it_says(worker):
    answer = worker.login()
    header, claims, _ = answer["token"].split(".")
    assert parse(header)["alg"] == "EdDSA"
    claims = parse(claims)
    assert claims["sub"] == worker.id
    assert claims["exp"] - claims["iat"] == 24 * 3600
    expires = datetime.fromisoformat(answer["expires_at"])
    assert int(expires.timestamp()) == claims["exp"]
    assert worker.email not in json.dumps(claims)


@pytest.mark.smoke
def test_tokens_that_we_did_not_sign(server, make_worker):
    worker, other = make_worker(server), make_worker(server)
    header, claims, signature = worker.token.split(".")
    head, body = parse(header), parse(claims)
    month = datetime.now(UTC).replace(day=1) - timedelta(days=1)

    def hs256(new_head: dict, key: bytes) -> str:
        text = f"{part(new_head)}.{claims}"
        mac = base64.urlsafe_b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).rstrip(b"=").decode()
        return f"{text}.{mac}"

    flipped = ("B" if signature[0] != "B" else "C") + signature[1:]
    tokens = {
        "alg none": f"{part({**head, 'alg': 'none'})}.{claims}.",
        "alg None": f"{part({**head, 'alg': 'None'})}.{claims}.{signature}",
        "no alg": f"{part({'typ': 'JWT', 'kid': head['kid']})}.{claims}.{signature}",
        "hs256 by nothing": hs256({**head, "alg": "HS256"}, b""),
        "hs256 by the kid": hs256({**head, "alg": "HS256"}, head["kid"].encode()),
        "hs256 under eddsa": hs256(head, b"secret"),
        "another worker": f"{header}.{part({**body, 'sub': other.id})}.{signature}",
        "longer": f"{header}.{part({**body, 'exp': body['exp'] + 1})}.{signature}",
        "expired": f"{header}.{part({**body, 'iat': body['iat'] - 10**6, 'exp': body['iat'] - 10**6 + 86400})}.{signature}",
        "no expiry": f"{header}.{part({'sub': worker.id, 'iat': body['iat']})}.{signature}",
        "signature": f"{header}.{claims}.{flipped}",
        "cut signature": f"{header}.{claims}.{signature[:-2]}",
        "no signature": f"{header}.{claims}.",
        "two parts": f"{header}.{claims}",
        "four parts": f"{worker.token}.x",
        "other's signature": f"{header}.{claims}.{other.token.split('.')[2]}",
        "kid of another month": f"{part({**head, 'kid': month.strftime('%Y-%m')})}.{claims}.{signature}",
        "kid of a file": f"{part({**head, 'kid': '../../master.key'})}.{claims}.{signature}",
        "kid of SQL": f"{part({**head, 'kid': chr(39) + ' OR 1=1 --'})}.{claims}.{signature}",
        "key in the header": f"{part({**head, 'jwk': {'kty': 'OKP', 'crv': 'Ed25519', 'x': 'A' * 43}})}.{claims}.{signature}",
        "jku": f"{part({**head, 'jku': 'http://127.0.0.1:1/keys'})}.{claims}.{signature}",
        "standard base64": worker.token.replace("-", "+").replace("_", "/") + "==",
        "empty parts": "..", "garbage": "garbage", "long": "a" * 5000, "spaces": f"{header} . {claims} . {signature}",
    }
    assert tokens["standard base64"] != worker.token
    expected = None
    for name, token in tokens.items():
        with server.client(token) as client:
            response = client.get(f"{BASE}/profile")
        error_of(response, 401, "unauthorized")
        assert response.headers["WWW-Authenticate"].startswith("Bearer"), name
        expected = expected or response.content
        assert response.content == expected, f"{name}: which check failed is nobody's business"
    assert worker.get("/profile")["id"] == worker.id


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Basic {}", "{}", "Token {}", "Bearer {} {}"])
def test_other_ways_to_send_it(server, worker, authorization):
    headers = {} if authorization is None else {"Authorization": authorization.replace("{}", worker.token)}
    with server.client() as client:
        error_of(client.get(f"{BASE}/profile", headers=headers), 401, "unauthorized")
        assert client.get(f"{BASE}/profile", headers={"Authorization": f"bearer {worker.token}"}).status_code == 200


def test_a_customers_key_is_no_workers_token_nor_the_other_way(server, org, worker):
    error_of(org.http.get(f"{BASE}/profile"), 401, "unauthorized")
    assert worker.http.get("/api/v1/tasks").status_code == 401
    assert worker.http.get("/api/v1/api-keys").status_code == 401


OPERATIONS = [("GET", "/feed"), ("GET", "/profile"), ("PUT", "/profile"), ("GET", "/earnings"), ("GET", "/leaderboard"),
              *[("POST", f"/tasks/tsk_{'0' * 26}/{name}") for name in ("accept", "release", "uploads", "proof")]]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_what_needs_a_token(nobody, method, path):
    body = {"json": {"whatever": True}} if method != "GET" else {}
    error_of(nobody.request(method, BASE + path, **body), 401, "unauthorized")


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_limits_are_shown_with_every_answer(worker, method, path):
    body = {"json": {}} if method != "GET" else {}
    response = worker.http.request(method, BASE + path, **body)
    assert int(response.headers["X-RateLimit-Limit"]) == 120
    assert 0 <= int(response.headers["X-RateLimit-Remaining"]) < 120
    assert int(response.headers["X-RateLimit-Reset"]) > 1.7e9


def test_a_workers_limit(fresh_server, make_worker):
    server = fresh_server(rate_limits=True, settings={"rate_limits": {"worker": {"worker_per_minute": 5}}})
    worker, other = make_worker(server), make_worker(server)
    answers = [worker.http.get(f"{BASE}/profile") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert error_of(answers[-1], 429, "rate_limited")["retry_after_seconds"] == int(answers[-1].headers["Retry-After"])
    assert other.http.get(f"{BASE}/profile").status_code == 200


def test_a_deleted_workers_token_is_worth_nothing(fresh_server, make_worker):
    server = fresh_server()
    worker, other = make_worker(server), make_worker(server)
    link = workers.link_of(server, worker.id)  # the mail goes with its worker
    with server.ops() as ops:
        response = ops.delete(f"/ops/workers/{worker.id}")
        assert response.status_code in (200, 204), response.text
    error_of(worker.http.get(f"{BASE}/profile"), 401, "unauthorized")
    with server.client() as nobody:
        error_of(login(nobody, worker.email), 401, "unauthorized")
        error_of(nobody.get(f"{BASE}/{worker.id}/public"), 404, "not_found")
        assert nobody.get(link).status_code == 400
        assert post(nobody, "/register", registration(email=worker.email)).status_code == 201, "the address is free"
    assert other.get("/profile")["id"] == other.id


def test_what_is_known_of_a_deleted_worker(fresh_server, make_worker):
    """Name, address, place: nothing of it is in any file. The mail was sent; its copy is the mail server's."""
    server = fresh_server()
    worker = make_worker(server, name="Zephyrine Quillfeather", email="zephyrine@erase-me.example",
                         location={"lat": 12.345678, "lng": 98.765432})
    worker.http.put(f"{BASE}/profile", json={"name": "Zephyrine Q. Quillfeather"})
    words = (b"Quillfeather", b"erase-me.example", b"12.345678", b"12345678", b"98765432")

    def files_with() -> list[str]:
        found = []
        for path in server.data.rglob("*"):
            if path.is_file() and "mail" not in path.parts and any(word in path.read_bytes() for word in words):
                found.append(path.name)
        return found

    assert files_with(), "without deleting there is something to be found"
    with server.ops() as ops:
        assert ops.delete(f"/ops/workers/{worker.id}").status_code == 200
        assert ops.delete(f"/ops/workers/{worker.id}").status_code == 200, "what is wanted may already be so"
        for id in ("wrk_" + "0" * 26, "x", "org_" + "0" * 26):
            assert ops.delete(f"/ops/workers/{id}").status_code == 404
    assert files_with() == []
    server.assert_rebuild_gives_same_digest()
    assert files_with() == []
    error_of(worker.http.get(f"{BASE}/profile"), 401, "unauthorized")


# The profile


def test_the_profile_of_somebody_new(worker):
    profile = worker.get("/profile")
    assert profile == {
        "id": worker.id, "name": "Ada", "email": worker.email, "email_verified": True, "skills": [], "modalities": [],
        "location": None, "display_name": "Ada", "trust_score": 70, "level": 1, "badges": ["verified"],
        "missions_completed": 0, "rejected_submissions": 0, "lapsed_leases": 0, "earned_cents": 0,
        "rank": profile["rank"], "created_at": profile["created_at"],
    }
    assert worker.earned() == {"earned_cents": 0, "submissions": 0}


def test_changing_the_profile(worker):
    before = worker.http.get(f"{BASE}/profile")
    change = {"name": "Ada L.", "skills": ["Piano", "french"], "modalities": ["audio"], "location": MONTREAL}
    response = worker.http.put(f"{BASE}/profile", json=change)
    assert response.status_code == 200, response.text
    answer = response.json()
    assert TIME.fullmatch(answer["updated_at"])
    assert answer == {"id": worker.id, **change, "skills": ["piano", "french"], "updated_at": answer["updated_at"]}
    after = worker.http.get(f"{BASE}/profile", headers={"Journal-Position": response.headers["Journal-Position"]})
    assert after.headers["ETag"] == response.headers["ETag"] != before.headers["ETag"]
    assert after.json() == {**before.json(), **change, "skills": ["piano", "french"], "display_name": "Ada L."}


def test_what_is_left_out_of_a_change_stays(worker):
    full = {"name": "Ada L.", "skills": ["piano"], "modalities": ["audio"], "location": MONTREAL}
    worker.http.put(f"{BASE}/profile", json=full)
    for change in ({}, {"name": "Grace"}, {"skills": []}, {"modalities": []}, {"location": None}):
        full |= change
        response = worker.http.put(f"{BASE}/profile", json=change)
        assert response.status_code == 200, response.text
        position = {"Journal-Position": response.headers["Journal-Position"]}
        profile = worker.http.get(f"{BASE}/profile", headers=position).json()
        assert {name: profile[name] for name in full} == full


def test_conditional_profile(worker):
    read = worker.http.get(f"{BASE}/profile")
    same = worker.http.get(f"{BASE}/profile", headers={"If-None-Match": read.headers["ETag"]})
    assert (same.status_code, same.content) == (304, b"")
    stale = worker.http.put(f"{BASE}/profile", json={"name": "X"}, headers={"If-Match": '"999"'})
    error_of(stale, 412, "precondition_failed")
    assert worker.get("/profile") == read.json()
    fresh = worker.http.put(f"{BASE}/profile", json={"name": "X"}, headers={"If-Match": read.headers["ETag"]})
    assert fresh.status_code == 200
    error_of(worker.http.put(f"{BASE}/profile", json={"name": "Y"}, headers={"If-Match": read.headers["ETag"]}), 412,
             "precondition_failed")


@pytest.mark.parametrize("change", [
    {"email": "new@x.example"}, {"password": "a new password"}, {"trust_score": 100}, {"id": "wrk_" + "0" * 26},
    {"name": None}, {"name": ""}, {"skills": None}, {"modalities": ["smell"]}, {"location": {"lat": 1}}, {"level": 5},
])
def test_changes_that_are_refused(worker, change):
    before = worker.get("/profile")
    assert len(wrong_fields(worker.http.put(f"{BASE}/profile", json=change))) == 1
    assert worker.get("/profile") == before


def test_the_public_profile(server, worker, nobody):
    worker.http.put(f"{BASE}/profile", json={"skills": ["piano"], "location": MONTREAL})
    wait_for(lambda: worker.get("/profile")["skills"] == ["piano"], "the change shows")
    response = nobody.get(f"{BASE}/{worker.id}/public")
    assert response.status_code == 200
    profile = response.json()
    assert profile == {"id": worker.id, "display_name": "Ada", "trust_score": 70, "level": 1, "badges": ["verified"],
                       "missions_completed": 0, "skills": ["piano"], "member_since": worker.get("/profile")["created_at"]}
    for private in (worker.email, "45.5017", "radius"):
        assert private not in response.text
    known = nobody.get(f"{BASE}/{worker.id}/public", headers={"If-None-Match": response.headers["ETag"]})
    assert (known.status_code, known.content, known.headers["ETag"]) == (304, b"", response.headers["ETag"])


@pytest.mark.parametrize("id", ["wrk_" + "0" * 26, "wrk_", "x", "org_" + "0" * 26, "%2e%2e", "..%2f..%2fetc%2fpasswd", "%20",
                                "WRK_" + "0" * 26, "wrk_" + "0" * 2000])
def test_a_public_profile_of_nobody(nobody, id):
    error_of(nobody.get(f"{BASE}/{id}/public"), 404, "not_found")


def test_who_is_not_verified_is_nobody(server, nobody):
    worker = workers.register(server)
    nothing = nobody.get(f"{BASE}/wrk_{'0' * 26}/public")
    answer = nobody.get(f"{BASE}/{worker.id}/public")
    assert (answer.status_code, answer.content) == (404, nothing.content)


@pytest.mark.parametrize(("path", "fields"), [
    ("/earnings?days=0", ["days"]), ("/earnings?days=367", ["days"]), ("/earnings?days=x", ["days"]), ("/earnings?x=1", ["x"]),
    ("/leaderboard?limit=0", ["limit"]), ("/leaderboard?limit=101&offset=-1", ["limit", "offset"]), ("/profile?x=1", ["x"]),
    ("/leaderboard?limit=5&limit=6", ["limit"]), ("/leaderboard?offset=1000001", ["offset"]),
])
def test_wrong_queries(worker, path, fields):
    assert [path for path, _ in wrong_fields(worker.http.get(BASE + path))] == fields


@pytest.mark.parametrize(("path", "method", "allow"), [
    ("/register", "GET", "POST"), ("/login", "DELETE", "POST"), ("/feed", "POST", "GET"), ("/profile", "POST", "PUT"),
    (f"/tasks/tsk_{'0' * 26}/accept", "GET", "POST"), ("/verify?token=x", "PUT", "GET, HEAD, POST"),
])
def test_other_methods(worker, path, method, allow):
    response = worker.http.request(method, BASE + path)
    error_of(response, 405, "method_not_allowed")
    assert allow in response.headers["Allow"]


@pytest.mark.parametrize("path", ["", "/", "/nothing", "/tasks", f"/tasks/tsk_{'0' * 26}", f"/tasks/tsk_{'0' * 26}/steal"])
def test_other_paths(worker, path):
    error_of(worker.http.get(BASE + path), 404, "not_found")
