"""A rejection ends the customer's right to the media; the worker may contest it once, and an operator decides."""
import re

import pytest

import workers
from harness import error_of as customer_error
from harness import wait_for
from workers import error_of, path_of, png


def picture_task(org, **changes):
    return org.open_task(**{"modalities": ["image"], "reward_cents": 500, "target_submissions": 5, **changes})


def hand_in(worker, task, seed=1) -> dict:
    worker.accept(task)
    return worker.prove(task, uploads=[worker.upload(task, png(seed=seed), "image/png")])


def contest(worker, submission, key=None):
    headers = {"Idempotency-Key": key} if key else {}
    return worker.http.post(f"{workers.BASE}/submissions/{submission['id']}/contest", headers=headers)


def own(worker, task) -> dict:
    return worker.get(f"/tasks/{task['id']}/submission")["submission"]


def url_of(org, submission) -> str | None:
    return org.http.get(f"/api/v1/submissions/{submission['id']}").json()["media"][0]["url"]


def fetch(server, url):
    with server.client() as browser:
        return browser.get(path_of(url))


@pytest.mark.smoke
def test_with_a_rejection_the_customer_loses_the_media(server, org, worker):
    task = picture_task(org)
    made = hand_in(worker, task)
    url = url_of(org, made)
    assert fetch(server, url).status_code == 200
    assert workers.reject(org, made).status_code == 200
    customer_error(fetch(server, url), 403, "forbidden")  # the URL from before
    shown = org.http.get(f"/api/v1/submissions/{made['id']}").json()
    assert shown["status"] == "rejected" and shown["media_url"] is None
    assert [part["url"] for part in shown["media"]] == [None]
    assert [item["media_url"] for item in workers.submissions(org, task, status="rejected")] == [None]


@pytest.mark.smoke
def test_an_upheld_contest_is_paid_by_the_platform(fresh_server, make_org, make_worker):
    server = fresh_server()
    org, worker = make_org(server), make_worker(server)
    task = picture_task(org)
    made = hand_in(worker, task)
    workers.reject(org, made, "Too dark.")
    wait_for(lambda: worker.get("/profile")["rejected_submissions"] == 1, "the rejection reaches the worker")
    before = own(worker, task)
    assert before["status"] == "rejected" and before["rejection_reason"] == "Too dark."
    assert before["contest"] is None and before["contest_until"] is not None

    first = contest(worker, made, "k")
    assert first.status_code == 200 and first.json()["contest"] == "waiting"
    assert contest(worker, made, "k").content == first.content
    assert error_of(contest(worker, made), 409, "conflict") == {"status": "contested"}
    assert own(worker, task)["contest"] == "waiting" and own(worker, task)["contest_until"] is None
    # The customer sees a rejection, and none of the media.
    assert org.http.get(f"/api/v1/submissions/{made['id']}").json()["status"] == "rejected"
    assert customer_error(workers.approve(org, made), 409, "conflict") == {"status": "rejected"}

    waiting = server.cli_json("contest", "list")["contests"]
    assert [each["submission"] for each in waiting] == [made["id"]]
    assert waiting[0]["rejection_reason"] == "Too dark." and waiting[0]["title"] == task["title"]
    assert fetch(server, waiting[0]["media"][0]["url"]).content == png(seed=1)

    decided = server.cli_json("contest", "uphold", made["id"])
    assert decided["status"] == "upheld"
    assert server.cli_json("contest", "uphold", made["id"])["status"] == "upheld"
    assert server.cli("contest", "dismiss", made["id"], check=False).returncode == 1
    workers.wait_for_earnings(worker, 500, 1)
    profile = worker.get("/profile")
    assert (profile["rejected_submissions"], profile["missions_completed"]) == (0, 1)
    assert own(worker, task)["contest"] == "upheld"
    assert org.get_task(task["id"])["approved_submissions"] == 0
    assert org.http.get(f"/api/v1/submissions/{made['id']}").json()["media_url"] is None
    assert fetch(server, waiting[0]["media"][0]["url"]).status_code in (403, 404)
    assert server.cli_json("contest", "list") == {"contests": []}
    check = server.cli_json("ledger", "check")
    assert check["sound"]
    statement = server.cli_json("ledger", "statement", org.id)
    assert "contest_pay" in str(statement)
    server.assert_rebuild_gives_same_digest()


def test_a_dismissed_contest_is_the_last(server, org, worker):
    task = picture_task(org)
    made = hand_in(worker, task)
    workers.reject(org, made)
    assert contest(worker, made).status_code == 200
    assert server.cli_json("contest", "dismiss", made["id"])["status"] == "dismissed"
    assert own(worker, task)["contest"] == "dismissed"
    assert error_of(contest(worker, made), 409, "conflict") == {"status": "dismissed"}
    assert server.cli_json("contest", "show", made["id"])["status"] == "dismissed"
    assert server.cli("contest", "uphold", made["id"], check=False).returncode == 1


def test_only_ones_own_rejection_can_be_contested(server, org, worker, make_worker):
    task = picture_task(org)
    made = hand_in(worker, task)
    assert error_of(contest(worker, made), 409, "conflict") == {"status": "pending"}
    workers.reject(org, made)
    other = make_worker(server)
    nobody = contest(other, {"id": "sub_" + "0" * 26})
    foreign = contest(other, made)
    assert (foreign.status_code, foreign.content) == (nobody.status_code, nobody.content) == (404, nobody.content)
    assert other.http.get(f"{workers.BASE}/tasks/{task['id']}/submission").status_code == 404
    assert server.cli("contest", "show", made["id"], check=False).returncode == 1


def test_too_late_a_contest_is_refused_and_the_media_goes(fresh_server, make_org, make_worker):
    server = fresh_server()
    org, worker = make_org(server), make_worker(server)
    task = picture_task(org, deadline=...)
    content = png(width=100, height=100, seed=7, level=0)
    worker.accept(task)
    made = worker.prove(task, uploads=[worker.upload(task, content, "image/png")])
    workers.reject(org, made)
    folder = server.data / "media" / "objects"
    assert any(path.is_file() for path in folder.rglob("*"))
    assert server.stop() == 0
    server.clock_offset_s = 8 * 86_400
    server.start()
    wait_for(lambda: not any(path.is_file() for path in folder.rglob("*")), "the media of the rejection is gone", 60)
    worker.login()
    assert error_of(contest(worker, made), 409, "conflict") == {"status": "too_late"}
    server.assert_rebuild_gives_same_digest()


@pytest.mark.smoke
def test_the_checkout_page_has_a_token_without_which_no_browser_pays(server, org):
    task = org.create_task()
    path = f"/dev/checkout/{task['id']}"
    with server.client() as browser:
        page = browser.get(path).text
        token = re.search(r'name="token" value="([^"]+)"', page).group(1)
        evil = {"Origin": "https://evil.example"}
        for headers in (evil, {"Referer": "https://evil.example/"}, {"Sec-Fetch-Site": "cross-site"}, {"Cookie": "a=b"}):
            assert browser.post(path, data={"action": "pay"}, headers=headers).status_code == 403
        other = org.create_task()
        for wrong in ("", "x", token[:-1], re.search(r'name="token" value="([^"]+)"', browser.get(
                f"/dev/checkout/{other['id']}").text).group(1)):
            assert browser.post(path, data={"action": "pay", "token": wrong}).status_code == 403
        assert org.get_task(task["id"])["status"] == "funding"
        assert browser.post(path, data={"action": "pay", "token": token}, headers=evil).status_code == 303
    assert org.get_task(task["id"])["status"] == "open"
