"""What workers do, measured on data that work_data made: the feed, taking and doing work, streaming submissions."""
import collections
import datetime
import json
import sqlite3
import subprocess
import time

import load
import report
from common import ECHO, ROOT, WORK, Failed
from service import Service, request

TOOL = ROOT / "build/release/tests/bench/work_data"


def make(name, **counts):
    """A data directory of that many things; what work_data says of it, and workers as (id, token)."""
    data = WORK / name
    subprocess.run(["rm", "-rf", str(data)], check=True)
    data.parent.mkdir(parents=True, exist_ok=True)
    options = [word for key, value in counts.items() for word in (f"--{key.replace('_', '-')}", str(value))]
    out = subprocess.run([str(TOOL), str(data), *options], check=True, capture_output=True, text=True).stdout
    workers = [line.split() for line in (data / "bench.tokens").read_text().splitlines()]
    return data, json.loads(out), workers


def write_requests(name, lines):
    path = WORK / f"{name}.requests"
    path.write_text("".join("\t".join(line) + "\n" for line in lines))
    return path


def ms(value):
    return f"{value:.3f} ms"


def feed(options):
    """The feed of random workers, one client, against an echo of the same bytes."""
    data, _, workers = make("feed", tasks=options.feed_tasks, workers=options.feed_workers)
    with Service(options.binary, data, fresh=False) as service:
        requests = write_requests("feed", [("GET", "/api/v1/worker/feed", token) for _, token in workers])
        status, body = request(service.listen, "GET", "/api/v1/worker/feed",
                               {"Authorization": "Bearer " + workers[0][1]})
        if status != 200 or not json.loads(body)["tasks"]:
            raise Failed(f"GET feed: {status} {body[:200]!r}")
        answer = WORK / "feed.body"
        answer.write_bytes(body)
        ours, echo = [], []
        for turn in range(-1, options.rounds):
            a = load.wrk(service.listen, "any", requests, turn + 2, connections=1, threads=1, seconds=options.seconds)
            b = load.wrk(service.listen, "echo", ECHO, answer, connections=1, threads=1, seconds=options.seconds)
            if load.errors([a, b]):
                raise Failed(f"{load.errors([a, b])} requests failed")
            if turn >= 0:
                ours.append(a)
                echo.append(b)
    rows = [[f"GET feed, 1 client, {options.feed_tasks} tasks, {options.feed_workers} workers",
             ms(load.median(ours, "p50_ms")), ms(load.median(ours, "p99_ms")), ms(load.median(echo, "p50_ms")),
             ms(load.median(echo, "p99_ms")), f"**{load.ratio(ours, echo, 'p99_ms'):.1f}**"]]
    report.keep("feed", report.table(["median of the rounds", "p50", "p99", "echo p50", "echo p99", "p99 ratio"], rows)
                + f"\n\n{options.rounds} rounds of {options.seconds} s. {report.machine()}")


def phase(service, name, lines, options):
    """Sends each request once; the seconds that it took."""
    done = load.wrk(service.listen, "once", write_requests(name, lines), options.threads,
                    connections=options.work_connections, threads=options.threads, seconds=options.work_seconds)
    if done["done"] != len(lines):
        raise Failed(f"{name}: {done['done']} of {len(lines)} succeeded: {done}")
    return done["took"]


# What each kind of request leads to in the journal.
STEPS = {"accepts": ["task.accept"], "proofs (text)": ["upload.announce", "task.submit"],
         "approvals": ["submission.approve", "worker.settle_work"]}


def commits(service):
    """When each command of the journal was committed, in seconds, by the command's name."""
    times = collections.defaultdict(list)
    for partition in json.loads(service.command("journal", "stat", "--json"))["partitions"]:
        if partition["seq"] > 0:
            for line in service.command("journal", "cat", f"{partition['topic']}/{partition['partition']}").splitlines():
                commit = json.loads(line)
                if "command" in commit:
                    at = datetime.datetime.fromisoformat(commit["at"].replace("Z", "+00:00"))
                    times[commit["command"]["name"]].append(at.timestamp())
    return times


def work(options):
    """Accepts, proofs and approvals, each request once, against an echo of a proof."""
    count = options.assignments
    tasks = max(1, count // 1_000)
    data, made, workers = make("work", tasks=0, workers=1_000, work_tasks=tasks)
    pairs = [(task, token) for task in made["work"] for _, token in workers][:count]
    proof = json.dumps({"text": "The shop is open; two people queue at the counter."})
    with Service(options.binary, data, fresh=False) as service:
        body = WORK / "work.body"
        body.write_text(proof)
        base = "/api/v1/worker/tasks/"
        seconds = [phase(service, "accept", [("POST", f"{base}{task}/accept", token) for task, token in pairs], options),
                   phase(service, "proof", [("POST", f"{base}{task}/proof", token, proof) for task, token in pairs],
                         options)]
        submissions = []
        for task in made["work"]:
            status, lines = request(service.listen, "GET", f"/api/v1/tasks/{task}/submissions?status=pending",
                                    {"Authorization": "Bearer " + made["key"], "Accept": "application/x-ndjson"})
            submissions += [json.loads(line)["id"] for line in lines.splitlines()]
        if len(submissions) != len(pairs):
            raise Failed(f"{len(submissions)} submissions of {len(pairs)} proofs")
        seconds.append(phase(service, "approve", [("POST", f"/api/v1/submissions/{submission}/approve", made["key"])
                                                  for submission in submissions], options))
        echo = load.wrk(service.listen, "echo", ECHO, body, connections=options.work_connections, threads=options.threads,
                        seconds=options.seconds)
        deadline = time.monotonic() + 120
        while service.metric("groundtruth_settled_work_total") < len(pairs):
            if time.monotonic() > deadline:
                raise Failed("not every approval reached its worker")
            time.sleep(0.05)
        service.command("ledger", "check")
        times = commits(service)
    rows, all_commands, all_seconds = [], 0, 0.0
    for (name, commands), took in zip(STEPS.items(), seconds):
        done = sorted(at for command in commands for at in times[command])
        wanted = len(commands) * len(pairs)  # the client may repeat its very last request before it stops
        if len(done) < wanted:
            raise Failed(f"{len(done)} commits of {', '.join(commands)} for {len(pairs)} {name}")
        took_all = max(took, done[-1] - done[0])  # what an approval leads to comes after its answer
        all_commands, all_seconds = all_commands + wanted, all_seconds + took_all
        rows.append([name, f"{len(pairs) / took:.0f}", f"{len(pairs) / took / echo['rate']:.2f}", ", ".join(commands),
                     f"{wanted / took_all:.0f}", f"{wanted / took_all / echo['rate']:.2f}"])
    together = 3 * len(pairs) / sum(seconds)
    rows.append(["together", f"{together:.0f}", f"**{together / echo['rate']:.2f}**", "",
                 f"{all_commands / all_seconds:.0f}", f"**{all_commands / all_seconds / echo['rate']:.2f}**"])
    report.keep("work", report.table(["requests", "a second", "of the echo's rate", "commands", "a second",
                                      "of the echo's rate"], rows)
                + f"\n\n{len(pairs)} of each, {options.work_connections} connections; echo {echo['rate']:.0f} a second. Every "
                  f"approval was paid once and the ledger checked. {report.machine()}")


def stream(options):
    """All submissions of a task as NDJSON against `sqlite3 -json` printing the same rows."""
    data, made, _ = make("stream", tasks=0, workers=0, submissions=options.submissions)
    with Service(options.binary, data, fresh=False) as service:
        request(service.listen, "GET", f"/api/v1/tasks/{made['submissions']}/submissions",
                {"Authorization": "Bearer " + made["key"]})
        before = service.memory_mib()[0]
        highest = before
        command = ["curl", "-sS", "-H", "Authorization: Bearer " + made["key"], "-H", "Accept: application/x-ndjson",
                   f"http://{service.listen}/api/v1/tasks/{made['submissions']}/submissions"]
        begin = time.monotonic()
        client = subprocess.Popen(f"{subprocess.list2cmdline(command)} | tee {WORK / 'stream.ndjson'} | wc -l",
                                  shell=True, stdout=subprocess.PIPE, text=True)
        while client.poll() is None:
            highest = max(highest, service.memory_mib()[0])
            time.sleep(0.1)
        ours = time.monotonic() - begin
        lines = client.stdout.read()
        grown = highest - before
    if int(lines) != options.submissions:
        raise Failed(f"{int(lines)} lines of {options.submissions}")
    file = next((data / "read_models").glob("assignments.v*.db"))
    sql = ("SELECT s.id, s.status, s.created_at, a.state FROM submissions s JOIN assignments a ON a.row = s.assignment "
           "ORDER BY s.created_at DESC")
    begin = time.monotonic()
    subprocess.run(f"sqlite3 -json {file} '{sql}' | tee {WORK / 'stream.json'} | wc -l", shell=True, check=True,
                   capture_output=True)
    theirs = time.monotonic() - begin
    rows = [[f"{options.submissions} submissions", f"{options.submissions / ours:.0f}",
             f"{options.submissions / theirs:.0f}", f"**{theirs / ours:.2f}**", f"{grown:.0f} MiB"]]
    report.keep("stream", report.table(["NDJSON", "rows a second", "`sqlite3 -json`", "ratio", "memory grew by"], rows)
                + f"\n\n{report.machine()}")
