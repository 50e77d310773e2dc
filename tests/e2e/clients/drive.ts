// Creates, lists, reads and is refused, by the TypeScript clients that openapi-generator makes. Compiled by tsc --strict.
import assert from "node:assert/strict";

import * as customer from "./ts-groundtruth/src/index";
import * as worker from "./ts-worker/src/index";

function setting(name: string): string {
  const value = process.env[name];
  assert.ok(value, name);
  return value;
}

async function refusal(call: Promise<unknown>, status: number): Promise<unknown> {
  try {
    await call;
  } catch (error) {
    assert.ok(error instanceof customer.ResponseError || error instanceof worker.ResponseError, String(error));
    assert.equal(error.response.status, status);
    return error.response.json();
  }
  assert.fail(`no ${status}`);
}

async function asCustomer(): Promise<void> {
  const tasks = new customer.TasksApi(
    new customer.Configuration({ basePath: setting("BASE_URL"), accessToken: setting("API_KEY") }),
  );
  const taskCreate: customer.TaskCreate = {
    title: "Say it",
    instructions: "One take.",
    modalities: new Set([customer.Modality.Audio]),
    rewardCents: 250,
    targetSubmissions: 10,
  };
  const made = await tasks.createTask({ taskCreate, idempotencyKey: "typescript-fetch" });
  assert.equal(made.status, customer.TaskStatus.Funding);
  assert.equal(made.deadline, null);
  assert.ok(made.createdAt instanceof Date && !Number.isNaN(made.createdAt.getTime()));
  const page = await tasks.listTasks({ limit: 10 });
  assert.ok(page.data.some((task) => task.id === made.id));
  assert.equal(page.pagination.nextCursor, null);
  assert.deepEqual(await tasks.getTask({ id: made.id }), made);
  assert.equal((await tasks.cancelTask({ id: made.id })).refundedCents, 0);

  const poor = await refusal(tasks.createTask({ taskCreate: { ...taskCreate, rewardCents: 1 } }), 400);
  assert.equal(customer.InsufficientBudgetFromJSON(poor).error.details.budgetCents, 10);
  const missing = await refusal(tasks.getTask({ id: "tsk_00000000000000000000000000" }), 404);
  assert.equal(customer.ErrorBodyFromJSON(missing).error.code, "not_found");
}

async function asWorker(): Promise<void> {
  const configuration = new worker.Configuration({
    basePath: setting("BASE_URL"),
    accessToken: setting("WORKER_TOKEN"),
  });
  const standing = new worker.StandingApi(configuration);
  const location = { lat: 45.5, lng: -73.5 };
  const changed = await standing.changeProfile({ profileChange: { name: "Ada", location } });
  assert.equal(changed.location?.radiusKm, 25);
  const profile = await standing.getProfile();
  assert.equal(profile.rank, null);
  assert.equal((await new worker.WorkApi(configuration).getFeed()).nextCursor, null);
  const missing = await refusal(standing.getPublicProfile({ id: "wrk_00000000000000000000000000" }), 404);
  assert.equal(worker.ErrorBodyFromJSON(missing).code, "not_found");
}

asCustomer()
  .then(asWorker)
  .catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  });
