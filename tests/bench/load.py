"""wrk as a function: one run, its figures; and what the runs of a comparison come to."""
import json
import os
import pathlib
import re
import statistics
import subprocess

SCRIPT = pathlib.Path(__file__).with_name("load.lua")


def wrk(address, mode, *arguments, connections=64, threads=2, seconds=5):
    """One bounded run of load.lua; requests, seconds, rate, p50_ms, p99_ms, processor_us and the errors."""
    command = ["wrk", f"-t{min(threads, connections)}", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s",
               "--latency", "-s", str(SCRIPT), f"http://{address}", "--", mode, *map(str, arguments)]
    done, busy_seconds = run(command, seconds + 60)
    found = re.search(r"^RESULT (.*)$", done.stdout, re.M)
    if done.returncode != 0 or not found:
        raise RuntimeError(f"wrk failed: {done.stdout[-500:]} {done.stderr[-500:]}")
    result = json.loads(found[1])
    result["rate"] = result["requests"] / result["seconds"]
    result["processor_us"] = busy_seconds / max(result["requests"], 1) * 1e6
    return result


def run(command, timeout):
    """A command that has ended, and what all processors did meanwhile: client, service and brokers together."""
    def busy_seconds():
        user, nice, system, _, _, interrupts, soft = map(int, pathlib.Path("/proc/stat").read_text().split()[1:8])
        return (user + nice + system + interrupts + soft) / os.sysconf("SC_CLK_TCK")
    before = busy_seconds()
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    return done, busy_seconds() - before


def median(runs, field):
    return statistics.median(run[field] for run in runs)


def ratio(ours, theirs, field="rate"):
    """Median over the rounds of ours / theirs: what disturbed one round disturbed both sides of it."""
    return statistics.median(a[field] / b[field] for a, b in zip(ours, theirs) if b[field] > 0)


def errors(runs):
    return sum(run["status_errors"] + run["socket_errors"] for run in runs)


def acknowledged(prefix):
    """The ids that write runs recorded under this prefix, in no order, repetitions kept."""
    ids = []
    for path in sorted(prefix.parent.glob(prefix.name + ".*")):
        ids += path.read_text().split()
    return ids
