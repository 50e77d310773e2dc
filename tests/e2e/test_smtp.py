"""Mail against a real SMTP server: what is sent, what is refused for ever, and what may be tried again."""
from __future__ import annotations

import email
import socket
import ssl
import threading

import aiosmtpd.smtp
import pytest
import trustme

import tools
from mail_server import Inbox

MAIL = {"id": "ver_01hx4nvz", "to": "someone@example.com", "subject": "Please verify",
        "text": "Hello,\nopen https://a.example/verify?token=a.b.c=\n"}
SENDER = "noreply@mail.example"


@pytest.fixture(scope="session")
def authority(tmp_path_factory) -> tuple[ssl.SSLContext, str]:
    """A server's TLS for 127.0.0.1, and the file of the authority that vouches for it."""
    made = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.issue_cert("127.0.0.1").configure_cert(context)
    file = tmp_path_factory.mktemp("tls") / "ca.pem"
    made.cert_pem.write_to_path(str(file))
    return context, str(file)


def send(url: str, *, starttls: str = "off", timeout_ms: int = 20_000, **changes) -> tuple[str, str]:
    call = {"url": url, "starttls": starttls, "from": SENDER, "timeout_ms": timeout_ms, **MAIL, **changes}
    result = tools.run("send_mail", call)
    return result["outcome"], result["reason"]


def test_a_mail_arrives_as_it_was_written(serve_mail):
    inbox = Inbox()
    assert send(serve_mail(inbox)) == ("sent", "")
    assert inbox.envelopes[0].mail_from == SENDER
    assert inbox.envelopes[0].rcpt_tos == [MAIL["to"]]
    message = inbox.message()
    assert message["From"] == f"<{SENDER}>" or message["From"] == SENDER
    assert message["To"].addresses[0].addr_spec == MAIL["to"]
    assert message["Subject"] == MAIL["subject"]
    assert message["Message-ID"] == "<ver_01hx4nvz@mail.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime.utcoffset().total_seconds() == 0
    assert message.get_content_type() == "text/plain" and message.get_content_charset() == "utf-8"
    assert inbox.text() == MAIL["text"]
    assert not message.defects


def test_a_retry_has_the_same_message_id(serve_mail):
    inbox = Inbox()
    url = serve_mail(inbox)
    assert send(url)[0] == send(url)[0] == "sent"
    ids = {email.message_from_bytes(envelope.content)["Message-ID"] for envelope in inbox.envelopes}
    assert len(inbox.envelopes) == 2 and len(ids) == 1


@pytest.mark.parametrize("text", [
    pytest.param("Grüße, 馬\n", id="not-ascii"),
    pytest.param("a dot\n.\n..\n.hidden\nQUIT\n", id="dots"),
    pytest.param("trailing space \nand tab\t\nüber", id="white-space"),
    pytest.param("x" * 5_000 + "\n" + "ü" * 5_000 + "\n", id="long-lines"),
    pytest.param("=3D is not an equals sign\n", id="equals-sign"),
    pytest.param("", id="empty"),
])
def test_any_text_arrives(serve_mail, text):
    inbox = Inbox()
    assert send(serve_mail(inbox), text=text)[0] == "sent"
    assert inbox.text().removesuffix("\n") == text.removesuffix("\n")
    assert max(map(len, inbox.envelopes[0].content.split(b"\r\n"))) <= 998


@pytest.mark.parametrize("subject", [
    pytest.param("Grüße", id="not-ascii"),
    pytest.param("馬" * 100, id="long-not-ascii"),
    pytest.param("=?UTF-8?B?R3I=?=", id="encoded-word"),
    pytest.param("x" * 500, id="long"),
    pytest.param("a: b", id="colon"),
    pytest.param("", id="empty"),
])
def test_any_subject_arrives(serve_mail, subject):
    inbox = Inbox()
    assert send(serve_mail(inbox), subject=subject, from_name="Grüße, \"馬\"")[0] == "sent"
    assert inbox.message()["Subject"] == subject
    assert inbox.message()["From"].addresses[0].display_name == "Grüße, \"馬\""
    assert inbox.message()["From"].addresses[0].addr_spec == SENDER


def test_an_address_in_another_script_arrives(serve_mail):
    inbox = Inbox()
    assert send(serve_mail(inbox, enable_SMTPUTF8=True), to="馬@example.com")[0] == "sent"
    assert inbox.envelopes[0].rcpt_tos == ["馬@example.com"]
    assert "SMTPUTF8" in inbox.envelopes[0].mail_options


@pytest.mark.parametrize("answers", [{"rcpt": "550 5.1.1 no such mailbox"}, {"rcpt": "553 not here"},
                                     {"data": "554 5.6.0 not wanted"}])
def test_what_a_server_refuses_for_ever_is_refused(serve_mail, answers):
    outcome, reason = send(serve_mail(Inbox(**answers)))
    assert outcome == "refused"
    assert next(iter(answers.values())) in reason


@pytest.mark.parametrize("answers", [{"rcpt": "451 4.3.0 greylisted"}, {"rcpt": "421 going down"},
                                     {"data": "451 4.3.0 full"}, {"mail": "451 later"}])
def test_what_a_server_does_not_take_now_has_failed(serve_mail, answers):
    outcome, reason = send(serve_mail(Inbox(**answers)))
    # Up to MAIL FROM nothing was said of the recipient: the server's trouble must not slow down one domain alone.
    assert outcome == ("server_failed" if "mail" in answers else "failed")
    assert next(iter(answers.values())) in reason


def test_a_refused_sender_says_nothing_about_the_recipient(serve_mail):
    assert send(serve_mail(Inbox(mail="550 5.7.1 who are you")))[0] == "server_failed"


def test_a_server_that_is_gone_has_failed():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    outcome, reason = send(f"smtp://127.0.0.1:{port}")
    assert outcome == "server_failed" and reason


@pytest.mark.parametrize("greeting", [b"", b"220 hello\r\n", b"\0\0\0\r\n", b"554 5.3.2 no service here\r\n"])
def test_a_server_that_hangs_up_has_failed(greeting):
    def answer():
        with listener.accept()[0] as connection:
            connection.sendall(greeting)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer)
        thread.start()
        outcome, reason = send(f"smtp://127.0.0.1:{listener.getsockname()[1]}")
        thread.join()
    assert outcome == "server_failed" and reason


def test_a_server_that_never_speaks_has_failed():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        outcome, _ = send(f"smtp://127.0.0.1:{listener.getsockname()[1]}", timeout_ms=200)
    assert outcome == "server_failed"


@pytest.mark.parametrize("changes", [
    {"to": "a@b.example\r\nRCPT TO:<x@y.example>"},
    {"to": "a@b.example>\r\nDATA\r\n"},
    {"to": "a@b.example\nBcc: x@y.example"},
    {"to": "a@b.example, x@y.example"},
    {"to": "a@b.example NOTIFY=NEVER"},
    {"subject": "Hello\r\nBcc: x@y.example"},
    {"subject": "Hello\n\nfirst line of another body"},
    {"subject": "Hello\rBcc: x@y.example"},
    {"id": "a>\r\nBcc: x@y.example"},
])
def test_nothing_can_be_smuggled_into_the_head_of_a_mail(serve_mail, changes):
    inbox = Inbox()
    assert send(serve_mail(inbox), **changes)[0] == "refused"
    assert not inbox.envelopes


def test_the_end_of_a_mail_cannot_be_smuggled_into_its_text(serve_mail):
    inbox = Inbox()
    text = "one\n.\nMAIL FROM:<x@y.example>\n.\r\n.\rQUIT\n"
    assert send(serve_mail(inbox), text=text)[0] == "sent"
    assert inbox.text() == text.replace("\r", "")


# TLS and login

def test_starttls_and_smtps(serve_mail, authority):
    context, ca_file = authority
    inbox = Inbox()
    url = serve_mail(inbox, tls_context=context, require_starttls=True)
    assert send(url, starttls="required", ca_file=ca_file) == ("sent", "")
    assert send(url, starttls="optional", ca_file=ca_file) == ("sent", "")
    assert all(session.ssl for session in inbox.sessions)
    assert send(url, starttls="off")[0] == "server_failed"
    assert send(serve_mail(Inbox(), "smtps", ssl_context=context), ca_file=ca_file) == ("sent", "")


def test_required_tls_is_required_and_optional_is_not(serve_mail):
    inbox = Inbox()
    url = serve_mail(inbox)
    assert send(url, starttls="required")[0] == "server_failed"
    assert not inbox.envelopes
    assert send(url, starttls="optional")[0] == "sent"


def test_a_certificate_of_a_stranger_is_not_trusted(serve_mail, authority):
    inbox = Inbox()
    assert send(serve_mail(inbox, tls_context=authority[0]), starttls="required")[0] == "server_failed"
    assert send(serve_mail(inbox, "smtps", ssl_context=authority[0]))[0] == "server_failed"
    assert not inbox.envelopes


def test_login(serve_mail, authority):
    context, ca_file = authority
    seen = []

    def authenticate(server, session, envelope, mechanism, data):
        seen.append((data.login, data.password))
        return aiosmtpd.smtp.AuthResult(success=data.password == b"right", handled=False)

    inbox = Inbox()
    url = serve_mail(inbox, tls_context=context, require_starttls=True, authenticator=authenticate, auth_required=True)
    login = {"starttls": "required", "ca_file": ca_file, "user": "groundtruth"}
    assert send(url, password="right", **login) == ("sent", "")
    assert seen == [(b"groundtruth", b"right")]
    assert send(url, password="wrong", **login)[0] == "server_failed"
    assert len(inbox.envelopes) == 1
