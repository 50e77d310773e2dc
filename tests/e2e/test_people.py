"""Mails to workers and the pages behind their links: verifying, another mail, a forgotten password; who has an address;
text in any script; and that nothing happens by looking."""
import base64
import hashlib
import re
import time
import unicodedata
from html.parser import HTMLParser

import httpx
import pytest

import chain
import workers
from harness import wait_for
from mail_server import Gate, Inbox
from workers import BASE, PASSWORD, Worker, error_of, registration, wrong_fields

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
OTHER_PASSWORD = "another long password"


@pytest.fixture
def nobody(server):
    """A client without any credential."""
    with server.client() as client:
        yield client


def login(client, email: str, password: str = PASSWORD) -> int:
    return client.post(f"{BASE}/login", json={"email": email, "password": password}).status_code


def register(server, client, **changes) -> Worker:
    body = registration(**changes)
    response = client.post(f"{BASE}/register", json=body)
    assert response.status_code == 201, response.text
    return Worker(server, response.json()["worker"], body["password"])


def types_of(server, stream: str) -> list[str]:
    return [event["type"] for event in chain.events_of(chain.check_journal(server.journal()), stream)]


def mint(server, purpose: str, subject: str, lifetime_s: int) -> str:
    """A link's token, made as the server makes it: to wait for one to expire takes a week."""
    master = bytes.fromhex((server.data / "master.key").read_text().strip())
    key = hashlib.blake2b(b"groundtruth/" + purpose.encode(), digest_size=32, key=master).digest()
    content = f"{subject}.{int(time.time()) + lifetime_s}"
    mac = hashlib.blake2b(content.encode(), digest_size=32, key=key).digest()
    return content + "." + base64.urlsafe_b64encode(mac).decode().rstrip("=")


class Form(HTMLParser):
    """The one form of a page: where it leads, what it sends as it stands, what is to be filled in."""

    def __init__(self, page: httpx.Response):
        super().__init__()
        self.action = self.method = None
        self.fields: dict[str, str] = {}
        self.blanks: dict[str, bool] = {}  # name -> required
        self.scripts = 0
        self.feed(page.text)
        assert self.action is not None, page.text
        self.url = page.url.join(self.action).raw_path.decode()

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.scripts += tag == "script" or any(name.startswith("on") for name in given)
        if tag == "form":
            assert self.action is None, "one form"
            self.action, self.method = given["action"], given["method"]
        elif tag == "input" and given["type"] == "hidden":
            self.fields[given["name"]] = given["value"]
        elif tag == "input":
            self.blanks[given["name"]] = "required" in given


def open_page(client, link: str, status: int = 200) -> httpx.Response:
    page = client.get(link, headers=BROWSER)
    assert page.status_code == status, page.text
    assert_is_page(page)
    return page


def assert_is_page(page: httpx.Response) -> None:
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.text.startswith("<!doctype html>")
    policy = page.headers["Content-Security-Policy"]
    style = re.search(r"<style>(.*?)</style>", page.text, re.S).group(1)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == (f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; "
                      "frame-ancestors 'none'")
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer", "the token stands in the address"
    assert "style=" not in page.text and "<script" not in page.text


def press(client, page: httpx.Response, **filled) -> httpx.Response:
    """Fills the form in and presses its button, as a browser does: every field is sent, empty ones too."""
    form = Form(page)
    assert form.method == "post" and form.scripts == 0
    assert set(filled) <= set(form.blanks)
    blanks = {name: "" for name in form.blanks}
    return client.post(form.url, data={**form.fields, **blanks, **filled}, headers=BROWSER)


# Nothing happens by looking


@pytest.mark.smoke
def test_nothing_happens_by_looking_at_a_link(server, nobody):
    """Mail programs and what checks mails open every link, by GET and by HEAD, with and without JavaScript."""
    worker = workers.register(server)
    link = workers.link_of(server, worker.id)
    wait_for(lambda: types_of(server, worker.id) == ["worker.registered", "worker.mail_settled"], "the mail is recorded")
    before = server.stat()
    for headers in ({}, BROWSER, {"Accept": "application/json"}, {"Accept": "image/png"}):
        for method in ("GET", "HEAD", "OPTIONS"):
            assert nobody.request(method, link, headers=headers).status_code in (200, 204), method
    seen = nobody.get(link).json()
    assert seen["verified"] is False
    assert server.stat() == before
    assert login(nobody, worker.email) == 403
    verdict = nobody.post(link)
    assert (verdict.status_code, verdict.json()["verified"]) == (200, True)
    assert nobody.get(link).json()["verified"] is True
    worker.login()


def test_no_get_and_no_head_changes_anything(fresh_server, make_org, make_worker):
    """Every route that the server has, but what only says when a key was used last."""
    server = fresh_server()
    org, worker = make_org(server), make_worker(server)
    unverified = workers.register(server)
    task = workers.text_task(org)
    submission = worker.submit_text(task)
    ids = {"/worker/": worker.id, "/submissions/": submission["id"], "/tasks/": task["id"], "/checkout/": task["id"],
           "/api-keys/": org.create_key("read")["id"], "/commands/": "cmd_" + "0" * 26}
    links = [workers.link_of(server, unverified.id), workers.reset_link(server, worker)]
    with server.ops() as ops:
        routes = ops.get("/ops/routes").json()
    paths = sorted({route["path"] for route in routes if route["method"] == "GET"})
    assert f"{BASE}/verify" in paths and f"{BASE}/password/reset" in paths
    filled = [re.sub(r"\{[^}]*\}", next((id for part, id in ids.items() if part in path), "x"), path) for path in paths]

    def events() -> list[tuple[str, str]]:
        return [(event["stream"], event["type"]) for commits in chain.check_journal(server.journal()).values()
                for commit in commits for event in commit["events"] if event["type"] != "api_key.used"]

    wait_for(lambda: "worker.mail_settled" in types_of(server, worker.id)[-1], "the mails are recorded")
    before = events()
    for credential in (None, org.api_key, worker.token):
        with server.client(credential) as client:
            for path in filled + links:
                for method in ("GET", "HEAD"):
                    answer = client.request(method, path, follow_redirects=False)
                    assert answer.status_code < 500, (method, path)
    with server.ops() as ops:
        for path in ("/livez", "/readyz", "/metrics", "/ops/accounts", "/ops/journal", f"/ops/workers/{worker.id}"):
            for method in ("GET", "HEAD"):
                assert ops.request(method, path).status_code == 200, (method, path)
    assert events() == before


# The page behind the link


@pytest.mark.smoke
def test_a_person_verifies_with_the_button(server, nobody):
    worker = workers.register(server, name="Zo\u00eb <b>\u202e")
    page = open_page(nobody, workers.link_of(server, worker.id))
    assert worker.email in page.text and "Zo\u00eb &lt;b&gt;" in page.text
    assert Form(page).blanks == {"password": False}
    done = press(nobody, page)
    assert done.status_code == 200 and "You can log in now" in done.text
    assert_is_page(done)
    assert "You can log in now" in open_page(nobody, workers.link_of(server, worker.id)).text
    worker.login()


def test_the_page_takes_another_password(server, nobody):
    worker = workers.register(server)
    page = open_page(nobody, workers.link_of(server, worker.id))
    refused = press(nobody, page, password="short")
    assert refused.status_code == 400 and "10 to 200 characters" in refused.text
    assert_is_page(refused)
    assert press(nobody, refused, password=OTHER_PASSWORD).status_code == 200
    assert login(nobody, worker.email) == 401
    assert login(nobody, worker.email, OTHER_PASSWORD) == 200
    # The link is good for that once.
    nobody.post(workers.link_of(server, worker.id), json={"password": PASSWORD})
    assert login(nobody, worker.email) == 401


def test_what_an_expired_link_says_and_offers(server, nobody):
    worker = workers.register(server)
    link = f"{BASE}/verify?token=" + mint(server, "verify-mail", worker.id, -1)
    for method in ("GET", "POST"):
        error_of(nobody.request(method, link), 400, "link_expired")
    page = open_page(nobody, link, 400)
    assert "expired" in page.text
    workers.mail_of(server, worker.id)
    assert press(nobody, page).status_code == 202
    assert nobody.post(workers.link_of(server, worker.id, number=2)).status_code == 200
    worker.login()


def test_what_a_broken_link_says_and_offers(server, nobody):
    worker = workers.register(server)
    workers.mail_of(server, worker.id)
    page = open_page(nobody, f"{BASE}/verify?token=broken", 400)
    assert press(nobody, page, email=worker.email).status_code == 202
    assert nobody.post(workers.link_of(server, worker.id, number=2)).status_code == 200


@pytest.mark.parametrize(("content", "type", "status"), [
    (b"{}", "text/plain", 415), (b"{", "application/json", 400), (b"[]", "application/json", 400),
    (b'{"x":1}', "application/json", 400), (b"password=%zz", "application/x-www-form-urlencoded", 400),
    (b"x=1", "application/x-www-form-urlencoded", 400), (b"password=%ff%ff", "application/x-www-form-urlencoded", 400),
    (b'","x":"=1', "application/x-www-form-urlencoded", 400), (b"a" * 5000, "application/json", 413),
])
def test_bodies_that_are_none(server, nobody, content, type, status):
    worker = workers.register(server)
    link = workers.link_of(server, worker.id)
    for path in (link, f"{BASE}/verify/resend", f"{BASE}/password/forgot", f"{BASE}/password/reset?token=x"):
        assert nobody.post(path, content=content, headers={"Content-Type": type}).status_code == status, path
    assert login(nobody, worker.email) == 403


# Who has an address


def test_a_registration_by_somebody_else_stands_in_nobodys_way(server, nobody):
    thief = register(server, nobody, name="Mallory", password="the thief's password")
    owner = register(server, nobody, email=thief.email)
    assert nobody.post(workers.link_of(server, owner.id)).status_code == 200
    assert login(nobody, owner.email) == 200
    assert login(nobody, owner.email, thief.password) == 401
    # The other mail still lies in the mailbox: its link gives nobody anything.
    error_of(nobody.post(workers.link_of(server, thief.id)), 409, "conflict")
    error_of(nobody.post(workers.link_of(server, thief.id), json={"password": OTHER_PASSWORD}), 409, "conflict")
    assert "no longer needed" in open_page(nobody, workers.link_of(server, thief.id), 409).text
    assert login(nobody, owner.email) == 200
    owner.login()
    assert owner.get("/profile")["name"] == "Ada"


def test_who_registers_later_with_somebody_elses_address_gets_nothing(server, nobody):
    owner = register(server, nobody)
    thief = register(server, nobody, email=owner.email, name="Mallory", password="the thief's password")
    owner.verify()
    link = workers.link_of(server, thief.id)
    # Its link is newer, and yet what was entered with it counts for nothing: the page asks for a password.
    error_of(nobody.post(link), 409, "conflict")
    page = open_page(nobody, link)
    assert "Mallory" in page.text and Form(page).blanks == {"password": True}
    assert press(nobody, page).status_code == 409
    assert login(nobody, owner.email, thief.password) == 401
    owner.login()


def test_the_newest_link_takes_the_account_over(server, nobody):
    """The older one was pressed first, by mistake: whoever registered with it knows the password."""
    thief = register(server, nobody, name="Mallory", password="the thief's password")
    owner = register(server, nobody, email=thief.email)
    thief.verify()
    thief.login()
    page = open_page(nobody, workers.link_of(server, owner.id))
    done = press(nobody, page, password=OTHER_PASSWORD)
    assert done.status_code == 200
    error_of(thief.http.get(f"{BASE}/profile"), 401, "unauthorized")
    assert login(nobody, thief.email, thief.password) == 401
    owner.password = OTHER_PASSWORD
    owner.login()
    profile = owner.get("/profile")
    assert (profile["id"], profile["name"]) == (thief.id, "Ada")
    # Once: it is older than the password now.
    error_of(nobody.post(workers.link_of(server, owner.id), json={"password": PASSWORD}), 409, "conflict")


# Another mail


def test_another_mail_whatever_became_of_the_first(fresh_server, serve_mail):
    inbox = Inbox(rcpt="550 5.1.1 <secret-mailbox> is not here")
    server = fresh_server(settings={"mail": {"url": serve_mail(inbox), "from": "no-reply@gt.example", "starttls": "off"}})
    with server.client() as nobody, server.ops() as ops:
        worker = register(server, nobody, email="secret-mailbox@x.example")

        def state() -> str:
            return ops.get(f"/ops/workers/{worker.id}").json()["verification_mail"]

        wait_for(lambda: state() == "refused", "the refusal is recorded")
        assert types_of(server, worker.id) == ["worker.registered", "worker.mail_settled"]
        assert 'groundtruth_mails_total{fate="refused"} 1' in ops.get("/metrics").text
        assert f"the verification mail of {worker.id} is refused for good" in server.log_tail()
        assert "secret-mailbox@" not in server.log_tail()
        inbox.answers["rcpt"] = None
        assert nobody.post(f"{BASE}/verify/resend", json={"email": worker.email}).status_code == 202
        wait_for(lambda: inbox.envelopes, "another one comes")
        assert nobody.post(workers.link_in(inbox.text())).status_code == 200
        wait_for(lambda: state() == "sent", "that is recorded, too")
        worker.login()


def test_who_asks_learns_nothing(server, worker, nobody):
    unverified = workers.register(server)
    for path in ("/verify/resend", "/password/forgot"):
        answers = [nobody.post(BASE + path, json={"email": email})
                   for email in (workers.new_email(), worker.email, unverified.email, "no address")]
        assert {answer.status_code for answer in answers} == {202}
        assert len({answer.content for answer in answers}) == 1
        headers = [{name: value for name, value in answer.headers.items() if name not in ("x-request-id", "date")}
                   for answer in answers]
        for answer in headers:
            for name in ("x-ratelimit-remaining", "x-ratelimit-reset"):
                answer.pop(name)
        assert all(answer == headers[0] for answer in headers)


def test_forgetting_a_password_before_verifying_brings_the_link_again(server, nobody):
    worker = workers.register(server)
    workers.mail_of(server, worker.id)
    assert nobody.post(f"{BASE}/password/forgot", json={"email": worker.email}).status_code == 202
    page = open_page(nobody, workers.link_of(server, worker.id, number=2))
    assert press(nobody, page, password=OTHER_PASSWORD).status_code == 200
    assert login(nobody, worker.email, OTHER_PASSWORD) == 200


@pytest.mark.parametrize("path", ["/verify/resend", "/password/forgot"])
def test_the_pages_that_ask_for_an_address(server, nobody, path):
    page = open_page(nobody, BASE + path)
    assert Form(page).blanks == {"email": True}
    done = press(nobody, page, email=workers.new_email())
    assert done.status_code == 202 and "mailbox" in done.text
    assert_is_page(done)


def test_what_asking_needs(nobody):
    assert wrong_fields(nobody.post(f"{BASE}/verify/resend", json={})) == [("email", "required")]
    assert wrong_fields(nobody.post(f"{BASE}/password/forgot", json={})) == [("email", "required")]
    assert wrong_fields(nobody.post(f"{BASE}/password/forgot", json={"email": "a@b", "x": 1})) == [("x", "unknown_field")]


# A forgotten password


@pytest.mark.smoke
def test_a_forgotten_password(server, worker, nobody):
    link = workers.reset_link(server, worker)
    assert link.startswith(f"{BASE}/password/reset?token=")
    old = worker.token
    assert nobody.get(link).status_code == 200
    page = open_page(nobody, link)
    assert login(nobody, worker.email) == 200, "nothing happens by looking"
    assert press(nobody, page, password="short").status_code == 400
    done = press(nobody, page, password=OTHER_PASSWORD)
    assert done.status_code == 200, done.text
    assert_is_page(done)
    # Everybody who was logged in is logged out, and the old password is worth nothing.
    error_of(worker.http.get(f"{BASE}/profile"), 401, "unauthorized")
    assert login(nobody, worker.email) == 401
    worker.password = OTHER_PASSWORD
    worker.login()
    assert worker.token != old and worker.get("/profile")["id"] == worker.id
    # Once.
    for method in ("GET", "POST"):
        body = {} if method == "GET" else {"json": {"password": PASSWORD}}
        error_of(nobody.request(method, link, **body), 409, "link_used")
    assert "was used" in open_page(nobody, link, 409).text
    worker.get("/profile")


def test_one_reset_voids_every_link_that_was_sent_before(server, worker, nobody):
    first, second = workers.reset_link(server, worker), workers.reset_link(server, worker, 2)
    assert nobody.post(second, json={"password": OTHER_PASSWORD}).status_code == 200
    error_of(nobody.post(first, json={"password": PASSWORD}), 409, "link_used")
    third = workers.reset_link(server, worker, 3)
    assert nobody.post(third, json={"password": PASSWORD}).status_code == 200
    assert login(nobody, worker.email) == 200


def test_a_reset_is_idempotent(server, worker, nobody):
    link = workers.reset_link(server, worker)
    answers = [nobody.post(link, json={"password": OTHER_PASSWORD}, headers={"Idempotency-Key": "one"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    other = nobody.post(link, json={"password": PASSWORD}, headers={"Idempotency-Key": "one"})
    error_of(other, 409, "idempotency_key_reused")


def test_an_expired_reset_link(server, worker, nobody):
    link = f"{BASE}/password/reset?token=" + mint(server, "reset-password", f"{worker.id}~0", -1)
    error_of(nobody.get(link), 400, "link_expired")
    error_of(nobody.post(link, json={"password": OTHER_PASSWORD}), 400, "link_expired")
    page = open_page(nobody, link, 400)
    assert press(nobody, page, email=worker.email).status_code == 202
    assert nobody.post(workers.link_of(server, worker.id, "reset"), json={"password": OTHER_PASSWORD}).status_code == 200


def test_links_of_one_kind_are_none_of_the_other(server, worker, nobody):
    unverified = workers.register(server)
    verify = workers.link_of(server, unverified.id).split("token=")[1]
    reset = workers.reset_link(server, worker).split("token=")[1]
    good = mint(server, "reset-password", f"{worker.id}~0", 60)
    subject, expiry, mac = good.split(".")
    for token in (verify, f"{worker.id}~1.{expiry}.{mac}", f"{unverified.id}~0.{expiry}.{mac}", subject, "", "x", good + "A",
                  mint(server, "reset-password", worker.id, 60), mint(server, "reset-password", f"{worker.id}~x", 60),
                  mint(server, "reset-password", f"{unverified.id}~0", 60), mint(server, "reset-password", "~0", 60)):
        response = nobody.post(f"{BASE}/password/reset", json={"password": OTHER_PASSWORD, "token": token})
        error_of(response, 400, "validation_error")
    error_of(nobody.post(f"{BASE}/verify?token={reset}"), 400, "validation_error")
    assert login(nobody, worker.email) == 200


def test_the_new_password_is_not_in_the_journal(server, worker, nobody):
    link = workers.reset_link(server, worker)
    assert nobody.post(link, json={"password": "a very private password"}).status_code == 200
    for partition in server.journal():
        for commit in partition.commits:
            assert b"private password" not in commit and b"argon2" not in commit


# Limits


def test_mails_are_limited_by_who_asks_and_by_mailbox(fresh_server):
    server = fresh_server(rate_limits=True, settings={"rate_limits": {"worker": {"mails_per_hour": 9}}})
    with server.client() as client:
        email = workers.new_email()
        first = [client.post(f"{BASE}/register", json=registration(email=email)).status_code for _ in range(3)]
        asked = [client.post(BASE + path, json={"email": email})
                 for path in ("/verify/resend", "/password/forgot", "/verify/resend", "/password/forgot")]
        assert first == [201] * 3 and [answer.status_code for answer in asked] == [202, 202, 429, 429]
        assert error_of(asked[2], 429, "rate_limited")["retry_after_seconds"] == int(asked[2].headers["Retry-After"])
        refused = client.post(f"{BASE}/password/forgot", data={"email": email}, headers=BROWSER)
        assert refused.status_code == 429 and refused.headers["Retry-After"]
        assert_is_page(refused)
        # Another mailbox is not held up by it, until this client has asked too often at all.
        others = [client.post(f"{BASE}/password/forgot", json={"email": workers.new_email()}).status_code for _ in range(6)]
        assert others[0] == 202 and others[-1] == 429
        error_of(client.post(f"{BASE}/register", json=registration()), 429, "rate_limited")


def test_domains_are_limited(fresh_server):
    server = fresh_server(rate_limits=True, settings={"rate_limits": {"worker": {"mail_domain_per_hour": 2}}})
    with server.client() as client:
        def ask(email: str) -> int:
            return client.post(f"{BASE}/password/forgot", json={"email": email}).status_code

        assert [ask(f"{n}@full.example") for n in range(3)] == [202, 202, 429]
        assert ask("3@FULL.example.") == 429
        assert ask("1@other.example") == 202


# Order


def test_an_honest_mail_is_tried_before_any_retry(fresh_server, serve_mail):
    """A dozen registrations at domains that put mails off; what the server did is read from what the mail server was
    asked, not from a clock."""
    gate = Gate(slow=".slow.example")
    server = fresh_server(settings={"mail": {"url": serve_mail(gate), "from": "no-reply@gt.example", "starttls": "off"}})
    with server.client() as nobody:
        for n in range(12):
            register(server, nobody, email=f"a@{n}.slow.example")
        wait_for(lambda: gate.asked, "the first of them is under way")
        honest = register(server, nobody)
        gate.let_in()
        wait_for(lambda: gate.envelopes, "the honest mail is taken")
        assert gate.envelopes[0].rcpt_tos == [honest.email]
        assert gate.asked[1] == honest.email, "all the others had waited longer"
        wait_for(lambda: len(set(gate.asked)) == 13, "every one is tried")
        with server.ops() as ops:
            waiting = wait_for(lambda: re.search(r"groundtruth_mails_waiting (\d+)", ops.get("/metrics").text), "a figure")
            assert int(waiting.group(1)) >= 12


# Text in any script


@pytest.mark.parametrize(("typed", "typed_again"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_password_is_the_same_by_any_keyboard(server, nobody, typed, typed_again):
    password = "caf\u00e9 \u00e5ngstr\u00f6m \ud55c\uae00"
    worker = workers.register(server, password=unicodedata.normalize(typed, password))
    worker.verify()
    assert login(nobody, worker.email, unicodedata.normalize(typed_again, password)) == 200
    assert login(nobody, worker.email, unicodedata.normalize(typed, password)) == 200
    assert login(nobody, worker.email, password.replace(" ", "\u00a0")) == 200
    assert login(nobody, worker.email, password.upper()) == 401


@pytest.mark.parametrize("value", ["a tab\tin a password", "\u0085 control characters", "\ue000 private ones", "\ufdd1 no character"])
def test_what_no_password_may_hold(nobody, value):
    assert [path for path, _ in wrong_fields(nobody.post(f"{BASE}/register", json=registration(password=value)))] == ["password"]


@pytest.mark.parametrize(("first", "second"), [
    ("{}@b\u00fccher.example", "{}@xn--bcher-kva.example"), ("{}@xn--bcher-kva.example", "{}@bu\u0308cher.example"),
    ("{}@B\u00dcCHER.example", "{}@b\u00fccher.example."), ("{}@x.example", "{}@x.example."), ("{}@x.example.", "{}@X.example"),
    ("ren\u00e9{}@x.example", "rene\u0301{}@x.example"), ("{}@fa\u00df.example", "{}@xn--fa-hia.example"),
    ("{}@\u4f8b\u3048.example", "{}@\u4f8b\u3048\u3002example"),
])
def test_one_mailbox_however_it_is_spelled(server, nobody, first, second):
    unique = workers.new_email().split("@")[0]
    worker = workers.register(server, email=first.format(unique))
    worker.verify()
    error_of(nobody.post(f"{BASE}/register", json=registration(email=second.format(unique))), 409, "conflict")
    for spelling in (first, second):
        assert login(nobody, spelling.format(unique)) == 200
    to = str(workers.mail_of(server, worker.id)["To"])
    assert to.rstrip(">").rpartition("@")[2].isascii() and not to.rstrip(">").endswith(".")


@pytest.mark.parametrize("value", ["a@xn--a.example", "a@x..example", "a@.example", "a@x.example..", "a@b\u00fc\u00a0.example",
                                   "a\u2028b@x.example", "a@" + "\u00fc" * 63 + ".example"])
def test_what_is_no_address(nobody, value):
    assert [path for path, _ in wrong_fields(nobody.post(f"{BASE}/register", json=registration(email=value)))] == ["email"]


def test_organizations_have_one_address_each_too(server):
    unique = workers.new_email().split("@")[0]
    server.create_account("One", f"{unique}@b\u00fccher.example")
    again = server.cli("account", "create", "--surface", "groundtruth", "--name", "Two", "--email",
                       f"{unique}@xn--bcher-kva.example.", check=False)
    assert again.returncode == 1 and b"already" in again.stderr


def test_names_and_skills_compare_as_people_read_them(server, nobody, make_org, worker):
    answer = nobody.post(f"{BASE}/register", json=registration(name="Zoe\u0308", skills=["FRANC\u0327AIS"])).json()["worker"]
    assert (answer["name"], answer["skills"]) == ("Zo\u00eb", ["fran\u00e7ais"])
    twice = nobody.post(f"{BASE}/register", json=registration(skills=["\u00c9cole", "e\u0301cole"]))
    assert wrong_fields(twice) == [("skills[1]", "invalid_value")]
    org = make_org(server)
    worker.http.put(f"{BASE}/profile", json={"skills": ["\u00c9cole"], "name": "A\u030a"})
    task = workers.text_task(org, requirements={"skills": ["e\u0301cole"]})
    wait_for(lambda: task["id"] in worker.feed_ids(), "who has the skill sees the task")
    assert worker.get("/profile")["name"] == "\u00c5"
