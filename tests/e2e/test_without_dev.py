"""serve without --dev: what it lacks is named at the start, and with it there is nothing of a local world."""
import httpx
import pytest

import workers
from harness import SEED_BODY, StartFailed, cli, error_of, wait_for
from mail_server import Inbox

MASTER_KEY = "00112233445566778899aabbccddeeff" * 2


@pytest.fixture
def settings(tmp_path, serve_mail) -> dict:
    """All that is needed, with an inbox of the test's own under "inbox"."""
    (tmp_path / "media").mkdir(mode=0o700)
    inbox = Inbox()
    return {"inbox": inbox, "media": {"folder": str(tmp_path / "media")}, "public_url": "https://gt.example",
            "mail": {"url": serve_mail(inbox), "from": "no-reply@gt.example", "starttls": "off"}}


def make_data(directory):
    directory.mkdir(mode=0o700)
    (directory / "master.key").touch(0o600)
    (directory / "master.key").write_text(MASTER_KEY + "\n")
    cli("journal", "init", "--data", str(directory))
    return directory


@pytest.mark.parametrize("left_out,named", [({"mail"}, ["mail is required"]), ({"media"}, ["media.folder or media.s3"]),
                                            ({"mail", "media"}, ["mail is required", "media.folder or media.s3"])],
                         ids=["mail", "media", "both"])
def test_what_is_missing_is_named_at_the_start(fresh_server, settings, tmp_path, left_out, named):
    settings.pop("inbox")
    server = fresh_server(start=False, dev=False, data=make_data(tmp_path / "data"),
                          settings={name: value for name, value in settings.items() if name not in left_out})
    with pytest.raises(StartFailed) as failure:
        server.start()
    server.damaged = True  # it never served: there is nothing to look at
    assert failure.value.code == 2
    for name in named:
        assert name in failure.value.log


def test_a_node_whose_mails_others_send_needs_no_mail_server(fresh_server, settings, tmp_path):
    del settings["inbox"], settings["mail"]
    server = fresh_server(start=False, dev=False, data=make_data(tmp_path / "data"), settings=settings)
    server.roles = "api"
    server.start()
    assert workers.register(server).id.startswith("wrk_")


def test_nothing_of_the_local_world_is_there(fresh_server, make_org, settings, tmp_path):
    inbox = settings.pop("inbox")
    server = fresh_server(dev=False, data=make_data(tmp_path / "data"), settings=settings)
    org = make_org(server)
    refused = org.http.post("/api/v1/tasks", json=SEED_BODY)
    assert int(refused.headers["Retry-After"]) > 0
    error_of(refused, 503, "unavailable")
    assert "payments.provider" in refused.json()["error"]["message"]
    assert org.all_tasks() == []
    with server.client() as nobody:
        for path in ("/dev/echo", "/dev/checkout/tsk_" + "0" * 26):
            assert nobody.get(path).status_code == 404
        worker = workers.register(server)
        wait_for(lambda: inbox.envelopes, "the mail has come")
        assert inbox.envelopes[0].rcpt_tos == [worker.email]
        link = next(word for word in inbox.text().split() if word.startswith("https://gt.example/api/v1/worker/verify?token="))
        assert nobody.post(httpx.URL(link).raw_path.decode()).status_code == 200
    worker.login()
    assert worker.get("/profile")["badges"] == ["verified"]
    assert not any((server.data / "mail").iterdir()) and not any((server.data / "media").iterdir())
