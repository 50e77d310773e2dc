"""Creates, lists, reads and is refused, by the Python clients that openapi-generator makes."""
import os

import groundtruth_client as customer
import worker_client as worker
from groundtruth_client.exceptions import BadRequestException, NotFoundException
from worker_client.exceptions import NotFoundException as WorkerNotFoundException

BASE = os.environ["BASE_URL"]


def as_customer() -> None:
    configuration = customer.Configuration(host=BASE, access_token=os.environ["API_KEY"])
    tasks = customer.TasksApi(customer.ApiClient(configuration))
    wanted = customer.TaskCreate(title="Say it", instructions="One take.", modalities=[customer.Modality.AUDIO],
                                 reward_cents=250, target_submissions=10)
    made = tasks.create_task(wanted, idempotency_key="openapi-generator")
    assert made.status == customer.TaskStatus.FUNDING and made.funding_url and made.deadline is None, made
    assert made.created_at.tzinfo is not None, made.created_at
    assert tasks.create_task(wanted, idempotency_key="openapi-generator") == made
    page = tasks.list_tasks(limit=10)
    assert made.id in [task.id for task in page.data] and page.pagination.next_cursor is None, page
    assert tasks.get_task(made.id) == made
    assert tasks.cancel_task(made.id).refunded_cents == 0
    assert tasks.get_task(made.id).closed_at is not None

    wanted.reward_cents = 1
    try:
        tasks.create_task(wanted)
    except BadRequestException as refusal:
        detail = refusal.data.actual_instance.error
        assert (detail.code, detail.details.budget_cents) == ("insufficient_budget", 10), refusal
    else:
        raise AssertionError("a budget below the minimum was taken")
    try:
        tasks.list_tasks(cursor="cur_none")
    except BadRequestException as refusal:
        assert refusal.data.error.details.fields[0].path == "cursor", refusal
    else:
        raise AssertionError("a cursor that never was is taken")
    try:
        tasks.get_task("tsk_00000000000000000000000000")
    except NotFoundException as refusal:
        assert refusal.data.error.code == "not_found", refusal
    else:
        raise AssertionError("a task that never was is there")

    keys = customer.APIKeysApi(customer.ApiClient(configuration))
    key = keys.create_api_key(customer.ApiKeyCreate(name="driver", scopes=[customer.Scope.READ]))
    assert key.last_used_at is None and key.expires_at is None and key.secret, key
    assert keys.revoke_api_key(key.id).revoked


def as_worker() -> None:
    configuration = worker.Configuration(host=BASE, access_token=os.environ["WORKER_TOKEN"])
    standing = worker.StandingApi(worker.ApiClient(configuration))
    profile = standing.get_profile()
    assert profile.location is None and profile.rank is None, profile
    place = worker.LocationInput(lat=45.5, lng=-73.5)
    assert standing.change_profile(worker.ProfileChange(name="Ada", location=place)).location.radius_km == 25
    assert standing.get_profile().location.lat == 45.5
    assert worker.WorkApi(worker.ApiClient(configuration)).get_feed().next_cursor is None
    try:
        standing.get_public_profile("wrk_00000000000000000000000000")
    except WorkerNotFoundException as refusal:
        assert refusal.data.code == "not_found", refusal
    else:
        raise AssertionError("a worker who never was is there")


as_customer()
as_worker()
