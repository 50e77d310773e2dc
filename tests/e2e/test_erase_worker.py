"""Erasing a person leaves nothing of theirs in the data directory but what was bought of them."""
import pytest

import workers
from harness import error_of as customer_error
from harness import wait_for
from workers import path_of, png

NAME = "Zephyrine Quillfeather"
EMAIL = "zephyrine.quillfeather@erase-me.example"
SKILL = "glass-harmonica-tuning"
LATER_SKILL = "puffin-census-taking"
PLACE = {"lat": 63.416337, "lng": -19.083021, "radius_km": 17}
TEXT = "The quincunx of lanterns swayed above the ferry, said the heron."
SHORT = {"workers": {"upload_seconds": 5, "upload_grace_seconds": 1}}


def traces(data, words) -> list[str]:
    """Each file that holds one of the words in the clear, in any case; also in free pages, logs and temporaries."""
    found = []
    for path in sorted(data.rglob("*")):
        try:
            content = path.read_bytes() if path.is_file() else b""
        except FileNotFoundError:
            continue
        for word in words:
            if word in content or word.lower() in content.lower() or word.decode("latin-1") in path.name:
                found.append(f"{path.relative_to(data)}: {word[:40]!r}")
    return found


def personal_words(picture: bytes, lost: bytes) -> list[bytes]:
    return [NAME.encode(), b"Quillfeather", EMAIL.encode(), b"erase-me.example", SKILL.encode(), LATER_SKILL.encode(),
            b"63416337", b"63.416337", b"19083021", TEXT.encode(), TEXT[20:].encode(), picture, picture[200:600],
            lost, lost[200:600]]


@pytest.mark.smoke
def test_nothing_of_an_erased_person_is_left(fresh_server, make_org, make_worker):
    server = fresh_server(settings=SHORT)
    org = make_org(server)
    worker = make_worker(server, name=NAME, email=EMAIL, skills=[SKILL], location=PLACE)
    profile = worker.http.put(f"{workers.BASE}/profile", json={"skills": [LATER_SKILL], "name": NAME + " II"})
    assert profile.status_code == 200, profile.text
    picture, lost = png(width=120, height=120, seed=1, level=0), png(width=120, height=120, seed=2, level=0)
    words = personal_words(picture, lost)
    text_task = workers.text_task(org)
    made = worker.submit_text(text_task, TEXT)
    picture_task = org.open_task(modalities=["image"], reward_cents=500, target_submissions=5)
    worker.accept(picture_task)
    shown = worker.prove(picture_task, uploads=[worker.upload(picture_task, picture, "image/png")])
    open_task = org.open_task(modalities=["image"], reward_cents=500, target_submissions=5)
    worker.accept(open_task)
    worker.upload(open_task, lost, "image/png")
    url = org.http.get(f"/api/v1/submissions/{shown['id']}").json()["media"][0]["url"]
    for submission in (made, shown):
        assert workers.reject(org, submission).status_code == 200
    found = " ".join(traces(server.data, words))
    for word in (SKILL, TEXT[:20], "Quillfeather"):
        assert word in found, "otherwise this test would prove nothing"

    assert server.cli_json("account", "erase", EMAIL)["status"] == "erased"

    wait_for(lambda: not traces(server.data, words), "nothing is left", 60)
    with server.client() as browser:
        assert browser.get(path_of(url)).status_code in (403, 404)
    assert worker.http.get(f"{workers.BASE}/profile").status_code == 401
    server.assert_rebuild_gives_same_digest()
    assert traces(server.data, words) == []
    assert server.stop() == 0
    assert traces(server.data, words) == []
    server.start()
    assert traces(server.data, words) == []
    assert server.cli("journal", "verify").returncode == 0


def test_what_is_rejected_after_the_erasure_goes_too_and_what_was_bought_stays(fresh_server, make_org, make_worker):
    server = fresh_server(settings=SHORT)
    org, worker = make_org(server), make_worker(server)
    pictures = [png(width=120, height=120, seed=seed, level=0) for seed in (1, 2)]
    made = []
    for content in pictures:
        task = org.open_task(modalities=["image"], reward_cents=500, target_submissions=5)
        worker.accept(task)
        made.append(worker.prove(task, uploads=[worker.upload(task, content, "image/png")]))
    server.cli("account", "erase", worker.id)
    assert workers.approve(org, made[0]).status_code == 200
    assert workers.reject(org, made[1]).status_code == 200
    wait_for(lambda: not traces(server.data, [pictures[1]]), "the late rejection is discarded", 60)
    with server.client() as browser:
        bought = org.http.get(f"/api/v1/submissions/{made[0]['id']}").json()["media_url"]
        assert browser.get(path_of(bought)).content == pictures[0]
    customer_error(workers.approve(org, made[1]), 409, "conflict")


def test_what_a_worker_offers_is_sealed_in_the_journal(server, make_worker):
    worker = make_worker(server, skills=["theremin-repair"])
    worker.http.put(f"{workers.BASE}/profile", json={"skills": ["yodelling-in-caves"]})
    assert worker.get("/profile")["skills"] == ["yodelling-in-caves"]
    for partition in server.journal():
        for commit in partition.commits:
            assert b"theremin-repair" not in commit and b"yodelling-in-caves" not in commit


def test_erasing_by_address_or_id(server, make_org, make_worker):
    worker = make_worker(server)
    assert server.cli_json("account", "show", worker.email)["id"] == worker.id
    assert server.cli_json("account", "show", worker.id)["email"] == worker.email
    assert server.cli_json("account", "erase", worker.id)["status"] == "erased"
    assert server.cli_json("account", "erase", worker.id)["status"] == "erased"  # what is wanted is already so
    assert server.cli("account", "erase", worker.email, check=False).returncode == 1
    both = "both@example.test"
    org, person = make_org(server, "Acme", both), make_worker(server, email=both)
    refused = server.cli("account", "erase", both, check=False)
    assert refused.returncode == 1 and org.id.encode() in refused.stderr and person.id.encode() in refused.stderr
    server.cli("account", "erase", org.id)
    server.cli("account", "erase", both)
