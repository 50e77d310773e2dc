"""Creates, lists, reads and is refused, by the clients that openapi-python-client makes. Checked by mypy --strict, as they are."""
import datetime
import os

import groundtruth_opc as customer
import worker_opc as worker
from groundtruth_opc.api.tasks import cancel_task, create_task, get_task, list_tasks
from groundtruth_opc.models import ErrorBody, InsufficientBudget, InvalidRequest, Modality, Task, TaskCancelled, TaskCreate, TaskList, TaskStatus
from worker_opc.api.standing import get_profile, get_public_profile, change_profile
from worker_opc.api.work import get_feed
from worker_opc.models import ErrorBody as WorkerError
from worker_opc.models import Feed, LocationInputType0, LocationType0, Profile, ProfileChanged, ProfileChange

BASE = os.environ["BASE_URL"]


def as_customer() -> None:
    client = customer.AuthenticatedClient(base_url=BASE, token=os.environ["API_KEY"], raise_on_unexpected_status=True)
    wanted = TaskCreate(title="Say it", instructions="One take.", modalities=[Modality.AUDIO], reward_cents=250,
                        target_submissions=10)
    made = create_task.sync(client=client, body=wanted, idempotency_key="openapi-python-client")
    assert isinstance(made, Task) and made.status == TaskStatus.FUNDING and made.deadline is None, made
    assert isinstance(made.created_at, datetime.datetime) and made.created_at.tzinfo is not None
    page = list_tasks.sync(client=client, limit=10)
    assert isinstance(page, TaskList) and made.id in [task.id for task in page.data], page
    assert page.pagination.next_cursor is None
    assert get_task.sync(made.id, client=client) == made
    assert isinstance(cancel_task.sync(made.id, client=client), TaskCancelled)

    wanted.reward_cents = 1
    refusal = create_task.sync(client=client, body=wanted)
    assert isinstance(refusal, (InsufficientBudget, InvalidRequest)), refusal
    assert refusal.error.code == "insufficient_budget", refusal
    missing = get_task.sync("tsk_00000000000000000000000000", client=client)
    assert isinstance(missing, ErrorBody) and missing.error.code == "not_found", missing


def as_worker() -> None:
    client = worker.AuthenticatedClient(base_url=BASE, token=os.environ["WORKER_TOKEN"], raise_on_unexpected_status=True)
    place = LocationInputType0(lat=45.5, lng=-73.5)
    changed = change_profile.sync(client=client, body=ProfileChange(name="Ada", location=place))
    assert isinstance(changed, ProfileChanged) and isinstance(changed.location, LocationType0), changed
    profile = get_profile.sync(client=client)
    assert isinstance(profile, Profile) and profile.rank is None, profile
    feed = get_feed.sync(client=client)
    assert isinstance(feed, Feed) and feed.next_cursor is None, feed
    missing = get_public_profile.sync("wrk_00000000000000000000000000", client=client)
    assert isinstance(missing, WorkerError) and missing.code == "not_found", missing


as_customer()
as_worker()
