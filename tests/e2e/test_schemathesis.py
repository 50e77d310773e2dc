"""Schemathesis against the running server, from its own served documents, with every check on."""
import json
import os
import pathlib
import random
import subprocess
import sysconfig

import pytest
import yaml

import workers
from harness import REPOSITORY

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = pathlib.Path(sysconfig.get_path("scripts")) / "schemathesis"
EXAMPLES = int(os.environ.get("SCHEMATHESIS_MAX_EXAMPLES", "15"))
DEADLINE_S = 1200


@pytest.fixture
def ground(fresh_server, make_org, make_worker):
    """A server with something to find on it: two of each who may call it, paid tasks, work that waits for a decision."""
    server = fresh_server()
    orgs = make_org(server, "Schemathesis"), make_org(server, "Stranger")
    people = make_worker(server, skills=["piano"]), make_worker(server)
    tasks = [workers.text_task(orgs[0], target_submissions=50) for _ in range(12)]
    waiting = [people[1].submit_text(task)["id"] for task in tasks[:10]]
    return server, orgs, people, tasks, waiting


@pytest.mark.slow
@pytest.mark.parametrize("surface", ["groundtruth", "worker"])
def test_schemathesis(ground, surface, tmp_path):
    server, (org, stranger), people, tasks, waiting = ground
    made = org.http.post("/api/v1/api-keys", json={"name": "spare", "scopes": ["admin"]})
    if surface == "worker":
        made = people[0].http.put(f"{workers.BASE}/profile", json={"skills": ["piano", "drums"]})
    position = made.headers["Journal-Position"]
    topic, partition, seq = position.split(".")
    command = json.loads(server.cat(topic, int(partition))[int(seq)])["command"]["id"]
    own = next(key for key in org.http.get("/api/v1/api-keys").json()["data"] if org.api_key.startswith(key["prefix"]))
    somebody = workers.make_worker(server)  # whose password is nobody's business here
    seed = int(os.environ.get("GROUNDTRUTH_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
    print(f"GROUNDTRUTH_SEED={seed}")
    credentials = [person.token for person in people] if surface == "worker" else [org.api_key, stranger.api_key]

    # Two of them, so that the check of object level authorization has somebody to keep out.
    users = tmp_path / "users.yaml"
    users.write_text("auth:\n" + "".join(
        f"  - name: {name}\n    fixedHeaders:\n      - name: Authorization\n        value: Bearer {credential}\n"
        for name, credential in zip(("own", "stranger"), credentials, strict=True)))
    settings = tmp_path / "schemathesis.toml"
    settings.write_text((HERE / "schemathesis.toml").read_text()
                        + f'\n[auth.wfc]\npath = "{users}"\nuser = "own"\npeers = ["own", "stranger"]\n')
    done = subprocess.run(
        [PROGRAM, "--config-file", settings, "--no-color", "run", server.base_url + f"/openapi/{surface}.json",
         "--url", server.base_url + "/api/v1", "--checks", "all", "--phases", "examples,coverage,fuzzing,stateful",
         "--mode", "all", "--max-examples", str(EXAMPLES), "--seed", str(seed), "--workers", "1",
         "--request-timeout", "20", "--warnings", "off"],
        cwd=tmp_path, capture_output=True, text=True, timeout=DEADLINE_S, stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(HERE), "SCHEMATHESIS_OWN_KEY_ID": own["id"],
             "SCHEMATHESIS_KNOWN_POSITION": position, "SCHEMATHESIS_KNOWN_COMMAND_ID": command,
             "SCHEMATHESIS_TASK_IDS": " ".join(task["id"] for task in tasks),
             "SCHEMATHESIS_SUBMISSION_IDS": " ".join(waiting), "SCHEMATHESIS_WORKER_ID": people[1].id,
             "SCHEMATHESIS_EMAIL": people[1].email, "SCHEMATHESIS_PASSWORD": people[1].password,
             "SCHEMATHESIS_MAIL_TOKEN": workers.link_of(server, people[1].id).split("token=")[1],
             "SCHEMATHESIS_RESET_TOKEN": workers.reset_link(server, somebody).split("token=")[1]},
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output[-20_000:]
    operations = len_operations(surface)
    assert "Operations:" in output and f"Selected: {operations}/{operations}" in output, output[-5_000:]
    assert server.running


def len_operations(surface: str) -> int:
    """How many operations the document has: a run that tested fewer has tested nothing new."""
    document = yaml.safe_load((REPOSITORY / "schemas" / "openapi" / f"{surface}.yaml").read_text())
    return sum(len(item) for item in document["paths"].values())
