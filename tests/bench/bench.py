"""The measurements of scripts/bench. Each is bounded in time and count, on loopback, and a ratio from one run."""
import argparse
import json
import pathlib
import random
import shutil
import sqlite3
import subprocess
import sys
import time

import kafka
import load
import profile_run
import report
import work
from common import ECHO, ROOT, TASKS, WORK, Failed, clear_ids, say
from service import Service, disk_mib, raw_inserts, request

RELEASE = ROOT / "build/release"


def ms(value):
    return f"{value:.2f} ms"


def load_options(options, **changed):
    return {"connections": options.connections, "threads": options.threads, "seconds": options.seconds, **changed}


def fill(service, key, prefix, count, options):
    """Makes tasks through the API until `count` are acknowledged; the ids."""
    deadline = time.monotonic() + options.fill_seconds
    ids = load.acknowledged(prefix)
    run = 0
    while len(ids) < count:
        if time.monotonic() > deadline:
            raise Failed(f"only {len(ids)} of {count} tasks after {options.fill_seconds} s")
        run += 1
        # About as long as what is left takes, so that the count is not overshot by much.
        rate = len(ids) / (options.fill_seconds + time.monotonic() - deadline) if ids else 0
        seconds = max(1, min(10, round((count - len(ids)) / rate))) if rate else 2
        result = load.wrk(service.listen, "write", TASKS, key, f"fill{run}", prefix,
                          **load_options(options, seconds=seconds))
        if load.errors([result]):
            raise Failed(f"errors while filling: {result}")
        ids = load.acknowledged(prefix)
        say(f"{len(ids)} tasks, {result['rate']:.0f} a second")
    return ids


def verify(service, key, ids):
    """Counts the acknowledged ids that the service has: all by the pages of the list, some one by one."""
    distinct = set(ids)
    listed = {task for task, _ in service.tasks(key)}
    missing = distinct - listed
    sample = random.Random(1).sample(sorted(distinct), min(500, len(distinct)))
    unread = [task for task in sample
              if request(service.listen, "GET", f"{TASKS}/{task}", {"Authorization": "Bearer " + key})[0] != 200]
    say(f"{len(ids)} acknowledged, {len(distinct)} distinct, {len(distinct) - len(missing)} of them listed, "
        f"{len(listed) - len(distinct - missing)} more whose answer the client did not wait for")
    if missing or unread or len(distinct) != len(ids):
        raise Failed(f"{len(missing)} acknowledged tasks are not listed, {len(unread)} not readable, "
                     f"{len(ids) - len(distinct)} ids given twice")
    return len(distinct)


def compare(rows, name, ours, echo):
    rows.append([name, f"{load.median(ours, 'rate'):.0f}", f"{load.median(echo, 'rate'):.0f}",
                 f"**{load.ratio(ours, echo):.2f}**",
                 ms(load.median(ours, "p50_ms")), ms(load.median(ours, "p99_ms")),
                 ms(load.median(echo, "p50_ms")), ms(load.median(echo, "p99_ms"))])


HEAD = ["median of the rounds", "a second", "echo, a second", "ratio", "p50", "p99", "echo p50", "echo p99"]


def post(options):
    """Durable writes against an echo of the same request."""
    prefix = clear_ids("post")
    echo_prefix = WORK / "post-echo.ids"
    with Service(options.binary, WORK / "post") as service:
        key = service.account()
        for path, file in ((TASKS, prefix), (ECHO, echo_prefix)):
            load.wrk(service.listen, "write", path, key, "warm", file, **load_options(options, seconds=2))
        ours, echo, groups, commits = [], [], 0.0, 0.0
        for turn in range(options.rounds):
            before = [service.metric(f"groundtruth_journal_{name}_total") for name in ("group_commits", "commits")]
            ours.append(load.wrk(service.listen, "write", TASKS, key, turn, prefix, **load_options(options)))
            groups += service.metric("groundtruth_journal_group_commits_total") - before[0]
            commits += service.metric("groundtruth_journal_commits_total") - before[1]
            echo.append(load.wrk(service.listen, "write", ECHO, key, turn, echo_prefix, **load_options(options)))
            say(f"round {turn + 1}: {ours[-1]['rate']:.0f} writes, {echo[-1]['rate']:.0f} echoes a second")
        failed = load.errors(ours + echo)
        count = verify(service, key, load.acknowledged(prefix))
    rows = []
    compare(rows, f"POST {TASKS}, {options.connections} connections", ours, echo)
    group = f"{commits / groups:.1f} commits" if groups else "unknown (the counters did not move)"
    report.keep("post", f"{report.table(HEAD, rows)}\n\nMean size of a group commit: {group}. Acknowledged and read "
                        f"back: {count} of {count}; errors: {failed}. {options.rounds} rounds of {options.seconds} s. "
                        f"{report.machine()}")
    if failed:
        raise Failed(f"{failed} requests failed")


def compare_reads(service, key, name, mode, arguments, sample_path, options, **shape):
    """GETs against echoes whose body is as long as a sample answer; the two lists of runs."""
    status, answer = request(service.listen, "GET", sample_path, {"Authorization": "Bearer " + key})
    if status != 200:
        raise Failed(f"GET {sample_path}: {status}")
    body = WORK / f"{name}.body"
    body.write_bytes(answer)
    settings = load_options(options, **shape)
    ours, echo = [], []
    for turn in range(-1, options.rounds):
        seconds = 1 if turn < 0 else settings["seconds"]  # the first turn only warms up
        a = load.wrk(service.listen, mode, *arguments, turn + 2, **{**settings, "seconds": seconds})
        b = load.wrk(service.listen, "echo", ECHO, body, **{**settings, "seconds": seconds})
        if turn >= 0:
            ours.append(a)
            echo.append(b)
            say(f"{name}, round {turn + 1}: {a['rate']:.0f} reads, {b['rate']:.0f} echoes a second")
    if load.errors(ours + echo):
        raise Failed(f"{load.errors(ours + echo)} requests failed")
    return ours, echo


def ids_file(ids, name):
    path = WORK / f"{name}.read"
    path.write_text("\n".join(ids) + "\n")
    return path


def get(options):
    """Reads of single tasks by random id against an echo of the same bytes."""
    prefix = clear_ids("get")
    with Service(options.binary, WORK / "get") as service:
        key = service.account()
        ids = fill(service, key, prefix, options.tasks, options)
        ours, echo = compare_reads(service, key, "get", "read", [TASKS + "/", key, ids_file(ids, "get")],
                                   f"{TASKS}/{ids[0]}", options)
    rows = []
    compare(rows, f"GET {TASKS}/{{id}}, {options.connections} connections, {len(ids)} tasks", ours, echo)
    report.keep("get", f"{report.table(HEAD, rows)}\n\n{options.rounds} rounds of {options.seconds} s. "
                       f"{report.machine()}")


def read_model_rows(data):
    rows = 0
    for file in sorted((data / "read_models").glob("*.db")):
        database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
        names = [name for name, in database.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
            "AND sql NOT LIKE 'CREATE VIRTUAL%'")]
        rows += sum(database.execute('SELECT count(*) FROM "' + name.replace('"', '""') + '"').fetchone()[0]
                    for name in names)
        database.close()
    return rows


def rebuild(options):
    """Read models from the journal against raw inserts of the rows that come out."""
    service = Service(options.binary, WORK / "rebuild")
    with service:
        fill(service, service.account(), clear_ids("rebuild"), options.tasks, options)
    rows = read_model_rows(service.data)
    if rows == 0:
        raise Failed("the read models have no rows")
    lines, ratios = [], []
    for turn in range(options.rounds):
        with service:
            begin = time.monotonic()
            service.command("projections", "rebuild")
            seconds = time.monotonic() - begin
        if read_model_rows(service.data) != rows:
            raise Failed(f"{rows} rows before the rebuild, {read_model_rows(service.data)} after it")
        raw = raw_inserts(service.data)
        if raw["rows"] != rows:
            raise Failed(f"raw_inserts copied {raw['rows']} of {rows} rows")
        ratios.append(rows / seconds / raw["rows_per_second"])
        if ratios[-1] > 1:
            raise Failed(f"{seconds:.2f} s is less than raw inserts take: the command did not wait for the rebuild")
        lines.append([turn + 1, rows, f"{rows / seconds:.0f}", f"{raw['rows_per_second']:.0f}", f"{ratios[-1]:.2f}"])
        say(f"round {turn + 1}: rebuilt {rows} rows in {seconds:.2f} s, raw inserts {raw['seconds']:.2f} s")
    head = ["round", "rows", "rebuilt, rows a second", "raw inserts, rows a second", "ratio"]
    report.keep("rebuild", f"{report.table(head, lines)}\n\nMedian ratio: **{sorted(ratios)[len(ratios) // 2]:.2f}**. "
                           f"{report.machine()}")


def million(options):
    """A million tasks: memory, restart, and what one client waits for."""
    prefix = clear_ids("million")
    service = Service(options.binary, WORK / "million")
    with service:
        key = service.account()
        begin = time.monotonic()
        ids = fill(service, key, prefix, options.million, options)
        filled = time.monotonic() - begin
        written = service.memory_mib()
        pages, last = [TASKS + "?per_page=20"], None
        for number, (_, cursor) in enumerate(service.tasks(key)):
            if cursor and cursor != last:
                pages.append(f"{TASKS}?per_page=20&cursor={cursor}")
            last = cursor
            if number > 20_000:
                break
        runs = {}
        one = {"connections": 1, "threads": 1}
        runs["GET by id"] = compare_reads(service, key, "one-get", "read",
                                          [TASKS + "/", key, ids_file(ids, "million")], f"{TASKS}/{ids[0]}", options,
                                          **one)
        runs["list page of 20"] = compare_reads(service, key, "one-list", "paths", [key, ids_file(pages, "pages")],
                                                pages[0], options, **one)
        served = service.memory_mib()
    starts = []
    for _ in range(options.rounds):
        with service:
            starts.append(service.ready_seconds)
            restarted = service.memory_mib()
    with service:
        count = verify(service, key, ids)
    rows = []
    for name, (ours, echo) in runs.items():
        rows.append([name, ms(load.median(ours, "p50_ms")), ms(load.median(ours, "p99_ms")),
                     ms(load.median(echo, "p99_ms")), f"**{load.ratio(ours, echo, 'p99_ms'):.2f}**"])
    figures = report.table(["with this many tasks", f"{len(ids)}"], [
        ["made through the API, a second", f"{len(ids) / filled:.0f}"],
        ["resident after writing (highest)", f"{written[0]:.0f} MiB ({written[1]:.0f} MiB)"],
        ["resident after reading", f"{served[0]:.0f} MiB"],
        ["restart to ready, read models present, median", f"{sorted(starts)[len(starts) // 2]:.2f} s"],
        ["resident after restart", f"{restarted[0]:.0f} MiB"],
        ["data directory", f"{disk_mib(service.data):.0f} MiB"],
        ["acknowledged and read back after restarts", f"{count}"]])
    waits = report.table(["one client", "p50", "p99", "echo p99", "p99 ratio"], rows)
    report.keep("million", f"{figures}\n\n{waits}\n\n{report.machine()}")
    if not options.keep:
        shutil.rmtree(service.data)


def profile(options):
    """Where the processor's time goes while tasks are made."""
    with Service(options.binary, WORK / "profile") as service:
        key = service.account()
        prefix = clear_ids("profile")
        load.wrk(service.listen, "write", TASKS, key, "warm", prefix, **load_options(options, seconds=2))
        profile_run.record(service.process.pid, WORK, max(5, options.seconds), lambda seconds: load.wrk(
            service.listen, "write", TASKS, key, "profile", prefix, **load_options(options, seconds=seconds + 2)))


MEASUREMENTS = {"post": post, "get": get, "rebuild": rebuild, "million": million, "feed": work.feed,
                "work": work.work, "stream": work.stream, "kafka": lambda options: kafka.kafka(options, fill, verify)}


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("what", nargs="?", default="all", choices=[*MEASUREMENTS, "profile", "all"])
    parser.add_argument("--rounds", type=int, default=5, help="times that both sides take turns")
    parser.add_argument("--seconds", type=int, default=5, help="for each run of a round")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2, help="of the client")
    parser.add_argument("--tasks", type=int, default=100_000, help="made for get and rebuild")
    parser.add_argument("--million", type=int, default=1_000_000, help="made for million")
    parser.add_argument("--fill-seconds", type=int, default=1200, help="longest time to make them")
    parser.add_argument("--feed-tasks", type=int, default=100_000)
    parser.add_argument("--feed-workers", type=int, default=10_000)
    parser.add_argument("--assignments", type=int, default=20_000, help="accepted, proved and approved by work")
    parser.add_argument("--work-connections", type=int, default=256, help="of work, and of its echo")
    parser.add_argument("--work-seconds", type=int, default=20, help="time for each of the three; all of it passes")
    parser.add_argument("--submissions", type=int, default=1_000_000, help="streamed by stream")
    parser.add_argument("--commits", type=int, default=200_000, help="in Kafka before the starts that kafka measures")
    parser.add_argument("--only", action="append", choices=["writes", "start", "nodes"], help="parts of kafka")
    parser.add_argument("--keep", action="store_true", help="keep the data directory of million or kafka")
    parser.add_argument("--binary", type=pathlib.Path, default=RELEASE / "groundtruth")
    options = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    chosen = [options.what] if options.what != "all" else list(MEASUREMENTS)
    status = 0
    for name in chosen:
        say(name)
        try:
            {**MEASUREMENTS, "profile": profile}[name](options)
        except (Failed, RuntimeError, subprocess.SubprocessError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
