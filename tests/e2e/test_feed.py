"""The feed: which tasks a worker is offered, in which order, and that walking it skips and repeats nothing."""
import datetime
import os
import threading

import pytest

import workers
from harness import task_body, wait_for
from workers import BASE, error_of, text_task, wrong_fields

MONTREAL = {"lat": 45.5017, "lng": -73.5673}
QUEBEC = {"lat": 46.8139, "lng": -71.2080}  # 233 km from there


@pytest.fixture
def tag() -> str:
    """A skill that nobody else has: the tasks of this test are offered to its workers only."""
    return os.urandom(6).hex()


def offered(worker, *tasks, **parameters) -> list[int]:
    """The numbers of those tasks that the worker is offered, in the order of the feed."""
    ids = [task["id"] for task in tasks]
    return [ids.index(id) for id in worker.feed_ids(**parameters) if id in ids]


def with_profile(worker, **profile):
    response = worker.http.put(f"{BASE}/profile", json=profile)
    assert response.status_code == 200, response.text
    return worker


@pytest.mark.smoke
def test_what_an_offer_says(org, worker, tag):
    with_profile(worker, skills=[tag, "piano"], location={**MONTREAL, "radius_km": 5})
    task = text_task(org, deadline="2099-12-31T23:59:59Z",
                     requirements={"skills": [tag], "location": {**MONTREAL, "radius_km": 10}})
    page = worker.get("/feed", limit=100)
    assert list(page) == ["tasks", "next_cursor"]
    offer = next(offer for offer in page["tasks"] if offer["id"] == task["id"])
    assert offer == {
        "id": task["id"], "title": task["title"], "instructions": task["instructions"], "modalities": ["text"],
        "reward_cents": 500, "places_left": 5, "deadline": "2099-12-31T23:59:59Z", "created_at": task["created_at"],
        "requirements": {"skills": [tag], "location": {**MONTREAL, "radius_km": 10}},
    }


def test_the_customer_sees_what_was_asked(org, tag):
    asked = {"skills": [tag], "location": {**MONTREAL, "radius_km": 10}}
    task = org.create_task(requirements={**asked, "skills": [tag.upper()]})
    assert task["requirements"] == asked
    assert org.get_task(task["id"]) == task
    assert org.create_task(requirements={"location": MONTREAL})["requirements"] == {
        "skills": [], "location": {**MONTREAL, "radius_km": 25}}
    for nothing in ({}, {"skills": []}):
        assert org.create_task(requirements=nothing).get("requirements") in (None, {"skills": [], "location": None})


@pytest.mark.parametrize(("requirements", "fields"), [
    ({"skills": [""]}, {"requirements.skills[0]"}), ({"skills": "piano"}, {"requirements.skills"}),
    ({"colour": 1}, {"requirements.colour"}), ([], {"requirements"}), ("x", {"requirements"}),
    ({"location": {"lat": 91, "lng": 181}}, {"requirements.location.lat", "requirements.location.lng"}),
    ({"location": {"lat": 1}}, {"requirements.location.lng"}), ({"skills": ["a", "A"]}, {"requirements.skills[1]"}),
    ({"location": {**MONTREAL, "radius_km": 1e6}}, {"requirements.location.radius_km"}),
])
def test_requirements_that_are_none(client, requirements, fields):
    response = client.post("/api/v1/tasks", json=task_body(requirements=requirements))
    assert response.status_code == 400, response.text
    assert {field["path"] for field in response.json()["error"]["details"]["fields"]} == fields


def test_skills_that_are_asked(server, org, make_worker, tag):
    tasks = [text_task(org, requirements={"skills": skills}) for skills in (
        [f"{tag} a"], [f"{tag} b"], [f"{tag} A", f"{tag} B"], [f"{tag}"])]
    assert offered(make_worker(server), *tasks) == []
    assert offered(make_worker(server, skills=[f"{tag} a"]), *tasks) == [0]
    assert offered(make_worker(server, skills=[f"{tag} B"]), *tasks) == [1], "letters' case does not matter"
    both = make_worker(server, skills=[f"{tag} a", f"{tag} b", "more"])
    assert sorted(offered(both, *tasks)) == [0, 1, 2]
    with_profile(both, skills=[tag])
    assert offered(both, *tasks) == [3], "the profile counts as it is now"


def test_modalities_that_a_worker_offers(server, org, make_worker, tag):
    tasks = [text_task(org, requirements={"skills": [tag]}, modalities=modalities) for modalities in (
        ["text"], ["audio"], ["audio", "text"], ["video"])]
    anything = make_worker(server, skills=[tag])
    assert sorted(offered(anything, *tasks)) == [0, 1, 2, 3]
    assert offered(make_worker(server, skills=[tag], modalities=["text"]), *tasks) == [0]
    assert sorted(offered(make_worker(server, skills=[tag], modalities=["text", "audio"]), *tasks)) == [0, 1, 2]
    assert sorted(offered(anything, *tasks, modality="audio")) == [1, 2]
    assert offered(anything, *tasks, modality="image") == []


@pytest.mark.parametrize(("worker_at", "task_at", "suits"), [
    ({**MONTREAL, "radius_km": 10}, {**MONTREAL, "radius_km": 0}, True),
    ({**MONTREAL, "radius_km": 0}, {**MONTREAL, "radius_km": 0}, True),
    ({**QUEBEC, "radius_km": 100}, {**MONTREAL, "radius_km": 100}, False),
    ({**QUEBEC, "radius_km": 134}, {**MONTREAL, "radius_km": 100}, True),  # the two circles touch
    ({**QUEBEC, "radius_km": 20000}, {**MONTREAL, "radius_km": 0}, True),
    (None, {**MONTREAL, "radius_km": 20000}, False),
    ({"lat": 0, "lng": 179.99, "radius_km": 1}, {"lat": 0, "lng": -179.99, "radius_km": 2}, True),  # across the date line
    ({"lat": 89.99, "lng": 0, "radius_km": 2}, {"lat": 89.99, "lng": 180, "radius_km": 2}, True),  # across the pole
    ({"lat": -45.5, "lng": -73.6, "radius_km": 50}, {**MONTREAL, "radius_km": 50}, False),  # the other hemisphere
])
def test_places_that_are_asked(server, org, make_worker, tag, worker_at, task_at, suits):
    worker = make_worker(server, skills=[tag], location=worker_at)
    task = text_task(org, requirements={"skills": [tag], "location": task_at})
    anywhere = text_task(org, requirements={"skills": [tag]})
    assert (0 in offered(worker, task, anywhere)) is suits
    assert 1 in offered(worker, task, anywhere)
    assert worker.post(task, "accept").status_code == (200 if suits else 403)


def test_best_paid_first_then_newest(server, org, make_worker, tag):
    tasks = [text_task(org, requirements={"skills": [tag]}, reward_cents=reward) for reward in (600, 900, 600, 500, 900)]
    worker = make_worker(server, skills=[tag])
    assert offered(worker, *tasks) == [4, 1, 2, 0, 3]
    assert offered(worker, *tasks, limit=1) == [4, 1, 2, 0, 3]


def test_tasks_that_nobody_can_take(server, org, make_worker, tag):
    worker, other = make_worker(server, skills=[tag]), make_worker(server, skills=[tag])
    asks = {"requirements": {"skills": [tag]}}
    in_moments = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=6)).isoformat()
    unfunded = org.create_task(modalities=["text"], **asks)
    expiring = text_task(org, **asks, deadline=in_moments)
    opened, taken, full, cancelled, done = (text_task(org, **asks, reward_cents=2500, target_submissions=1)
                                            for _ in range(5))
    mine = text_task(org, **asks)
    every = (unfunded, expiring, opened, taken, full, cancelled, done, mine)
    other.accept(full)
    other.submit_text(taken)
    finished = other.submit_text(done)
    assert workers.approve(org, finished).status_code == 200
    assert org.http.post(f"/api/v1/tasks/{cancelled['id']}/cancel").status_code == 200
    worker.accept(mine)
    wait_for(lambda: org.get_task(expiring["id"])["status"] == "expired", "the deadline passes")
    assert offered(worker, *every) == [2]
    assert worker.post(mine, "release").status_code == 200
    assert other.post(full, "release").status_code == 200
    assert sorted(offered(worker, *every)) == [2, 4, 7], "places that were given back are offered again"
    assert workers.reject(org, workers.submissions(org, taken, status="pending")[0]).status_code == 200
    assert sorted(offered(worker, *every)) == [2, 3, 4, 7], "a rejected submission frees its place"
    assert 3 not in offered(other, *every), "but not for who was rejected"
    assert 6 not in offered(other, *every)


def test_places_left(server, org, make_worker, tag):
    task = text_task(org, requirements={"skills": [tag]})
    worker, other, third = (make_worker(server, skills=[tag]) for _ in range(3))

    def left() -> int:
        return next(offer["places_left"] for offer in worker.feed() if offer["id"] == task["id"])

    assert left() == 5
    submission = other.submit_text(task)
    third.accept(task)
    assert left() == 3
    workers.approve(org, submission)
    assert left() == 3
    third.post(task, "release")
    assert left() == 4


def test_walking_while_tasks_are_made(fresh_server, make_org, make_worker):
    """What is there throughout comes exactly once and in order, whatever is made above and below meanwhile."""
    server = fresh_server()
    org, worker = make_org(server), make_worker(server)
    before = [text_task(org, reward_cents=500 + 100 * (n % 4))["id"] for n in range(20)]
    expected = worker.feed_ids()
    assert sorted(expected) == sorted(before)
    stop, made = threading.Event(), []

    def make() -> None:
        number = 0
        while not stop.is_set() and number < 200:
            made.append(text_task(org, reward_cents=500 + 50 * (number % 10))["id"])
            number += 1

    maker = threading.Thread(target=make)
    maker.start()
    try:
        for limit in (1, 2, 3, 7):
            wait_for(lambda: len(made) > limit, "tasks are being made")
            walked = worker.feed(limit=limit)
            ids = [task["id"] for task in walked]
            assert len(ids) == len(set(ids)), "a task came twice"
            assert [id for id in ids if id in before] == expected
            rewards = [task["reward_cents"] for task in walked]
            assert rewards == sorted(rewards, reverse=True)
    finally:
        stop.set()
        maker.join()


def test_walking_while_tasks_go(server, org, make_worker, tag):
    """The task at the edge of a page may go away: the next page begins where the last one ended."""
    worker, other = make_worker(server, skills=[tag]), make_worker(server, skills=[tag])
    tasks = [text_task(org, requirements={"skills": [tag]}, reward_cents=10_000 - n, target_submissions=1)
             for n in range(6)]
    ids = [task["id"] for task in tasks]
    first = worker.get("/feed", limit=3)
    assert [task["id"] for task in first["tasks"]][:3] == ids[:3]
    other.accept(tasks[2])  # the last that was shown
    other.accept(tasks[3])  # the first that is to come
    second = worker.get("/feed", limit=100, cursor=first["next_cursor"])
    assert [task["id"] for task in second["tasks"] if task["id"] in ids] == ids[4:]


def test_pages_have_the_size_that_was_asked(server, org, make_worker, tag):
    worker = make_worker(server, skills=[tag])
    for _ in range(4):
        text_task(org, requirements={"skills": [tag]}, reward_cents=900_000)
    page = worker.get("/feed", limit=3)
    assert len(page["tasks"]) == 3 and page["next_cursor"]
    default = worker.get("/feed")
    assert 4 <= len(default["tasks"]) <= 20


def test_cursors_that_are_not_mine(server, org, make_worker, tag):
    worker, other = make_worker(server, skills=[tag]), make_worker(server, skills=[tag])
    for _ in range(2):
        text_task(org, requirements={"skills": [tag]})
        org.create_task()
    cursor = worker.get("/feed", limit=1)["next_cursor"]
    tasks = org.http.get("/api/v1/tasks", params={"limit": 1}).json()["pagination"]["next_cursor"]
    assert worker.http.get(f"{BASE}/feed", params={"cursor": cursor}).status_code == 200
    assert wrong_fields(other.http.get(f"{BASE}/feed", params={"cursor": cursor})) == [("cursor", "invalid_value")]
    flipped = cursor[:-1] + ("A" if cursor[-1] != "A" else "B")
    for wrong in (tasks, "x", "", "cur_", flipped, cursor[:-1], cursor + "A", cursor.upper(), "cur_" + "A" * 5000):
        response = worker.http.get(f"{BASE}/feed", params={"cursor": wrong})
        assert [path for path, _ in wrong_fields(response)] == ["cursor"], wrong


@pytest.mark.parametrize(("query", "fields"), [
    ({"limit": "0"}, {"limit"}), ({"limit": "101"}, {"limit"}), ({"limit": "ten"}, {"limit"}), ({"limit": ""}, {"limit"}),
    ({"modality": "smell"}, {"modality"}), ({"page": "2"}, {"page"}), ({"limit": "-1", "modality": "", "x": "1"},
                                                                      {"limit", "modality", "x"}),
])
def test_wrong_queries(worker, query, fields):
    assert {path for path, _ in wrong_fields(worker.http.get(f"{BASE}/feed", params=query))} == fields


def test_a_position_that_is_not_there_yet(worker):
    response = worker.http.get(f"{BASE}/feed", headers={"Journal-Position": "nonsense"})
    assert wrong_fields(response) == [("Journal-Position", "invalid_value")]
    far = worker.http.get(f"{BASE}/feed", headers={"Journal-Position": "tasks.0.999999999"})
    error_of(far, 503, "unavailable")
    assert int(far.headers["Retry-After"]) >= 1
