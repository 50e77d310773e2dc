"""Schemathesis against the running server, from its own served document, with every check on."""
import json
import os
import pathlib
import random
import subprocess
import sysconfig

import pytest
import yaml

from harness import REPOSITORY

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = pathlib.Path(sysconfig.get_path("scripts")) / "schemathesis"
EXAMPLES = int(os.environ.get("SCHEMATHESIS_MAX_EXAMPLES", "40"))
DEADLINE_S = 1200


@pytest.mark.slow
def test_schemathesis(fresh_server, make_org, tmp_path):
    server = fresh_server()
    org, stranger = make_org(server, "Schemathesis"), make_org(server, "Stranger")
    position = org.http.post("/api/v1/api-keys", json={"name": "spare", "scopes": ["admin"]}).headers["Journal-Position"]
    topic, partition, seq = position.split(".")
    command = json.loads(server.cat(topic, int(partition))[int(seq)])["command"]["id"]
    own = next(key for key in org.http.get("/api/v1/api-keys").json()["data"] if org.api_key.startswith(key["prefix"]))
    seed = int(os.environ.get("GROUNDTRUTH_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
    print(f"GROUNDTRUTH_SEED={seed}")

    # Two tenants, so that the check of object level authorization has somebody to keep out.
    users = tmp_path / "users.yaml"
    users.write_text("auth:\n" + "".join(
        f"  - name: {name}\n    fixedHeaders:\n      - name: Authorization\n        value: Bearer {who.api_key}\n"
        for name, who in (("own", org), ("stranger", stranger))))
    settings = tmp_path / "schemathesis.toml"
    settings.write_text((HERE / "schemathesis.toml").read_text()
                        + f'\n[auth.wfc]\npath = "{users}"\nuser = "own"\npeers = ["own", "stranger"]\n')
    done = subprocess.run(
        [PROGRAM, "--config-file", settings, "--no-color", "run", server.base_url + "/openapi/groundtruth.json",
         "--url", server.base_url + "/api/v1", "--checks", "all", "--phases", "examples,coverage,fuzzing,stateful",
         "--mode", "all", "--max-examples", str(EXAMPLES), "--seed", str(seed), "--workers", "1",
         "--request-timeout", "20", "--warnings", "off"],
        cwd=tmp_path, capture_output=True, text=True, timeout=DEADLINE_S, stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(HERE), "SCHEMATHESIS_OWN_KEY_ID": own["id"],
             "SCHEMATHESIS_KNOWN_POSITION": position, "SCHEMATHESIS_KNOWN_COMMAND_ID": command},
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output[-20_000:]
    assert "Operations:" in output and f"Selected: {len_operations()}/{len_operations()}" in output, output[-5_000:]
    assert server.running


def len_operations() -> int:
    """How many operations the document has: a run that tested fewer has tested nothing new."""
    document = yaml.safe_load((REPOSITORY / "schemas" / "openapi" / "groundtruth.yaml").read_text())
    return sum(len(item) for item in document["paths"].values())
