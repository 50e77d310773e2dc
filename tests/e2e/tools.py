"""The small programs of tests/tools, which drive one part of the inside: JSON in, JSON out."""
from __future__ import annotations

import json
import subprocess

from harness import BINARY

TOOLS = BINARY.parent / "tests" / "tools"
DEADLINE_S = 60


def run(name: str, call: dict) -> dict:
    """Runs tool_<name>, which must end well, and returns what it printed."""
    done = subprocess.run([TOOLS / f"tool_{name}"], input=json.dumps(call).encode(), capture_output=True,
                          timeout=DEADLINE_S)
    assert done.returncode == 0, f"tool_{name} ended with {done.returncode}: {done.stderr.decode()}"
    return json.loads(done.stdout)
