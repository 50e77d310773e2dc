"""The service on Kafka, measured against a bare loop of librdkafka on the same brokers in the same minutes."""
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import threading
import time

import load
import report
from common import ECHO, ROOT, TASKS, WORK, Failed, clear_ids, say
from service import Service, raw_inserts, request

TOOLS = ROOT / "build/release/tests/bench"


@contextlib.contextmanager
def brokers_of_our_own():
    """One broker on a free port, gone afterwards; or those that GROUNDTRUTH_TEST_BROKERS names."""
    named = os.environ.get("GROUNDTRUTH_TEST_BROKERS")
    if named:
        yield named, f"the brokers {named}"
        return
    place = WORK / "kafka-broker"
    script = [str(ROOT / "scripts/kafka")]
    subprocess.run([*script, "down", "--data", str(place)], check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(place, ignore_errors=True)
    try:
        subprocess.run([*script, "up", "--nodes", "1", "--port", "0", "--data", str(place)], check=True,
                       stdout=subprocess.DEVNULL)
        settings = dict(line.split("=", 1) for line in (place / "cluster.env").read_text().splitlines())
        yield settings["BROKERS"], "one broker on the same cores"
    finally:
        subprocess.run([*script, "down", "--data", str(place)], check=True, stdout=subprocess.DEVNULL)
        shutil.rmtree(place, ignore_errors=True)


def journal_on(brokers):
    """Settings for a journal under topics that nobody has used."""
    return {"kind": "kafka", "brokers": brokers, "topic_prefix": f"bench-{time.time_ns()}."}


def tool(name, *arguments, seconds):
    done, busy_seconds = load.run([str(TOOLS / name), *map(str, arguments)], seconds + 120)
    if done.returncode != 0:
        raise Failed(f"{name}: {done.stderr.strip()[-500:]}")
    result = json.loads(done.stdout)
    if result["errors"] or result["unfinished"]:
        raise Failed(f"{name}: {result}")
    result["processor_us"] = busy_seconds / max(result["rate"] * seconds, 1) * 1e6
    return result


def loop(brokers, options, size, **more):
    words = [word for key, value in more.items() for word in (f"--{key.replace('_', '-')}", f"{value:g}")]
    return tool("kafka_loop", brokers, "--bytes", size, "--in-flight", options.connections, "--seconds",
                options.seconds, *words, seconds=options.seconds)


def paced(service, key, rate, run, ids, options):
    return tool("paced_posts", service.listen, TASKS, key, f"{rate:.1f}", options.seconds, options.connections, run,
                ids, seconds=options.seconds)


def audit(service):
    """`journal verify`: commits of the topic `tasks` beyond genesis, orphans everywhere, mean size of such a commit."""
    seen = json.loads(service.command("journal", "verify", "--json"))
    if not seen["sound"]:
        raise Failed(f"the journal is not sound: {seen}")
    tasks = [each for each in seen["partitions"] if each["partition"].startswith("tasks/") and each["commits"] > 1]
    count = sum(each["commits"] for each in tasks)
    return count - len(tasks), seen["orphans"], round(sum(each["bytes"] for each in tasks) / max(count, 1))


def keep_parts(ours, bare, echo, rows_us, base):
    """What a write takes of the processors, beside what three parts take that no write can do without."""
    parts = {f"the echo of its body ({ECHO})": load.median(echo, "processor_us"),
             "its record appended and read back by the bare loop": load.median(bare, "processor_us"),
             "the rows of its read models, by prepared inserts": rows_us}
    together = sum(parts.values())
    most = os.cpu_count() / together * 1e6
    rows = [[what, f"{each:.0f} us"] for what, each in parts.items()]
    rows += [["these three", f"{together:.0f} us"], ["the write itself", f"{load.median(ours, 'processor_us'):.0f} us"]]
    report.keep("kafka-parts", report.table(["processor time of one", "median of the rounds"], rows)
                + f"\n\nWith nothing else to do, {os.cpu_count()} processors would do those three {most:.0f} times a second, "
                  f"**{most / base:.2f}** of the yardstick. {report.machine()}")


def writes(options, brokers, where, verify):
    """Durable writes in turns with the bare loop and the echo; every acknowledged task is verified."""
    prefix = clear_ids("kafka")
    journal = journal_on(brokers)
    with Service(options.binary, WORK / "kafka", journal=journal) as service:
        key = service.account()
        settings = {"connections": options.connections, "threads": options.threads, "seconds": options.seconds}

        def wrk(path, run, ids, **more):
            return load.wrk(service.listen, "write", path, key, run, ids, **{**settings, **more})
        wrk(TASKS, "warm", prefix, seconds=3)
        wrk(ECHO, "warm", WORK / "kafka-echo.ids", seconds=1)
        size = audit(service)[2]
        ours, bare, echo = [], [], []
        for turn in range(options.rounds):
            bare.append(loop(brokers, options, size))
            ours.append(wrk(TASKS, turn, prefix))
            echo.append(wrk(ECHO, turn, WORK / "kafka-echo.ids"))
            say(f"round {turn + 1}: {ours[-1]['rate']:.0f} writes, {bare[-1]['rate']:.0f} records of the bare loop, "
                f"{echo[-1]['rate']:.0f} echoes a second")
        failed = load.errors(ours + echo)
        base = min(load.median(bare, "rate"), load.median(echo, "rate"))
        reached = load.median(ours, "rate")
        # Where the service cannot do half of the yardstick's rate, a queue would only grow, and p99 with the run's length.
        if reached > base / 2:
            half, why = base / 2, "half of the yardstick's rate"
        else:
            half, why = reached / 2, "half of the service's own rate, for it does not reach half of the yardstick's"
        slow, slow_bare = [], []
        for turn in range(options.rounds):
            slow_bare.append(loop(brokers, options, size, rate=half))
            slow.append(paced(service, key, half, f"paced{turn}", f"{prefix}.paced{turn}", options))
            say(f"round {turn + 1} at {half:.0f} a second: p99 {slow[-1]['p99_ms']:.1f} ms, "
                f"the bare loop's {slow_bare[-1]['p99_ms']:.1f} ms")
        count = verify(service, key, load.acknowledged(prefix))
        done, orphans, _ = audit(service)
    if done < count:
        raise Failed(f"{count} tasks acknowledged, {done} commits in the journal")
    keep_parts(ours, bare, echo, raw_inserts(service.data)["seconds"] / done * 1e6, base)
    ratio = statistics.median(a["rate"] / min(b["rate"], c["rate"]) for a, b, c in zip(ours, bare, echo))

    def cell(runs, field):
        return f"{load.median(runs, field):.2f} ms"
    table = report.table(
        ["median of the rounds", "of min(loop, echo)", "of the bare loop", "of the echo", "p50", "p99", "loop p50",
         "loop p99", "p99 ratio"],
        [[f"POST {TASKS}, {options.connections} connections", f"**{ratio:.2f}**", f"{load.ratio(ours, bare):.2f}",
          f"{load.ratio(ours, echo):.2f}", cell(ours, "p50_ms"), cell(ours, "p99_ms"), cell(bare, "p50_ms"),
          cell(bare, "p99_ms"), f"{load.ratio(ours, bare, 'p99_ms'):.1f}"],
         [f"the same, sent at {why}", "", "", "", cell(slow, "p50_ms"), cell(slow, "p99_ms"),
          cell(slow_bare, "p50_ms"), cell(slow_bare, "p99_ms"), f"**{load.ratio(slow, slow_bare, 'p99_ms'):.1f}**"]])
    report.keep("kafka", f"{table}\n\nRecords of {size} bytes, {where}. Acknowledged and read back: {count} of {count}, "
                         f"the journal verified; orphans: {orphans}; errors: {failed}. {options.rounds} rounds of "
                         f"{options.seconds} s. {report.machine()}")
    if failed:
        raise Failed(f"{failed} requests failed")


def kcat(brokers, topic):
    """Seconds that kcat takes to read a topic from its beginning to its end; and the records."""
    begin = time.monotonic()
    done = subprocess.run(["kcat", "-C", "-e", "-q", "-b", brokers, "-t", topic, "-o", "beginning", "-f", "%o\n"],
                          check=True, stdout=subprocess.PIPE, timeout=600)
    return time.monotonic() - begin, done.stdout.count(b"\n")


def start_up(options, brokers, where, fill):
    """Time from the start until ready with all of a history in Kafka and no read models, against kcat."""
    service = Service(options.binary, WORK / "kafka-history")
    prefix = clear_ids("kafka-history")
    with service:
        key = service.account()
        ids = fill(service, key, prefix, options.commits, options)
        records = audit(service)[0]
    service.journal = journal_on(brokers)
    config = service.data.parent / f"{service.data.name}.copy.json"
    config.write_text(json.dumps({"journal": service.journal}))
    subprocess.run([str(options.binary), "journal", "copy", "--from", f"sqlite:{service.data}", "--to",
                    f"kafka:{brokers}", "--config", str(config), "--dev"], check=True, stdout=subprocess.DEVNULL)
    ours, theirs = [], []
    for turn in range(options.rounds):
        seconds, read = kcat(brokers, service.journal["topic_prefix"] + "tasks")
        if read < records:
            raise Failed(f"kcat read {read} of {records} records")
        theirs.append({"rate": read / seconds})
        shutil.rmtree(service.data / "read_models")
        with service:
            ours.append({"rate": read / service.ready_seconds})
            if turn == 0 and sum(1 for _ in service.tasks(key)) < len(set(ids)):
                raise Failed("not all tasks are there after the start")
        say(f"round {turn + 1}: ready after {service.ready_seconds:.2f} s, kcat took {seconds:.2f} s")
    rows = raw_inserts(service.data)
    table = report.table(["commits", "ready after, of kcat's rate", "commits a second", "kcat, records a second"],
                         [[records, f"**{load.ratio(ours, theirs):.2f}**", f"{load.median(ours, 'rate'):.0f}",
                           f"{load.median(theirs, 'rate'):.0f}"]])
    alone = records / rows["seconds"]
    report.keep("kafka-start", f"{table}\n\nMedian of {options.rounds} rounds, {where}. Inserting the {rows['rows']} rows that "
                               f"come of them, prepared, with nothing read, decoded or checked, takes one processor "
                               f"{rows['seconds']:.1f} s: {alone:.0f} commits a second, "
                               f"{alone / load.median(theirs, 'rate'):.2f} of kcat's rate. {report.machine()}")
    if not options.keep:
        shutil.rmtree(service.data)


def together(services, key, prefix, options):
    """wrk on several nodes at once; the runs in the order of the nodes."""
    runs = [None] * len(services)

    def one(index):
        runs[index] = load.wrk(services[index].listen, "write", TASKS, key, f"node{index}", f"{prefix}.node{index}",
                               connections=max(options.connections // len(services), 1), threads=1,
                               seconds=options.seconds)
    threads = [threading.Thread(target=one, args=(index,)) for index in range(len(services))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if None in runs:
        raise Failed("a client of several failed")
    return runs


@contextlib.contextmanager
def two_nodes(options, brokers, *arguments):
    """Of one new journal."""
    journal = journal_on(brokers)
    made = [Service(options.binary, WORK / f"kafka-node-{n}", journal=journal, arguments=arguments) for n in (1, 2)]
    with made[0]:
        shutil.copy(made[0].data / "master.key", made[1].data / "master.key")
        with made[1]:
            yield made


def orders_of(services, options, prefix, verify):
    """Commands for one account: all to one node, to the other, to both. The shares, the orphans a commit, and what both did
    of the better one alone."""
    key = services[0].account()

    def wrk(service, name, seconds):
        return load.wrk(service.listen, "write", TASKS, key, name, f"{prefix}.{name}", connections=options.connections,
                        threads=options.threads, seconds=seconds)
    together(services, key, prefix, options)
    alone, both, landed, orphaned = [], [], 0, 0
    for turn in range(options.rounds):
        each = [wrk(service, f"alone{index}-{turn}", options.seconds) for index, service in enumerate(services)]
        alone.append(max(each, key=lambda run: run["rate"]))
        before = audit(services[0])
        both.append(together(services, key, prefix, options))
        after = audit(services[0])
        landed += after[0] - before[0]
        orphaned += after[1] - before[1]
        say(f"round {turn + 1}: {each[0]['rate']:.0f} and {each[1]['rate']:.0f} a second alone, "
            f"{both[-1][0]['rate']:.0f} + {both[-1][1]['rate']:.0f} together")
    failed = load.errors(alone + [run for runs in both for run in runs])
    count = verify(services[0], key, load.acknowledged(prefix))
    totals = [sum(run["rate"] for run in runs) for runs in both]
    shares = [statistics.median(runs[index]["rate"] / total for runs, total in zip(both, totals))
              for index in range(len(services))]
    ratio = statistics.median(total / one["rate"] for total, one in zip(totals, alone))
    return shares, orphaned / max(landed, 1), ratio, count, failed


def nodes(options, brokers, where, verify):
    """Two nodes that write for the same account, against one of them alone: with commands handed to the one that is preferred,
    and with each deciding by itself."""
    rows, notes = [], []
    for what, arguments in (("handed to the preferred one", ["--internal", "127.0.0.1:0"]), ("each decides alone", [])):
        prefix = clear_ids("kafka-nodes")
        with two_nodes(options, brokers, *arguments) as services:
            shares, orphans, ratio, count, failed = orders_of(services, options, prefix, verify)
        rows.append([what, f"**{ratio:.2f}**", " : ".join(f"{share:.2f}" for share in shares), f"{orphans:.3f}"])
        notes.append(f"{count} of {count} read back, {failed} errors")
    table = report.table(["two nodes, one account", "together, of one alone", "shares", "orphans a commit"], rows)
    report.keep("kafka-nodes", f"{table}\n\nAcknowledged: {'; '.join(notes)}. {options.rounds} rounds of {options.seconds} s, "
                               f"{where}. {report.machine()}")


def kafka(options, fill, verify):
    """All of it; `only` of the options takes parts."""
    parts = {"writes": (writes, verify), "start": (start_up, fill), "nodes": (nodes, verify)}
    with brokers_of_our_own() as (brokers, where):
        for name in options.only or parts:
            say(f"kafka {name}")
            part, helper = parts[name]
            part(options, brokers, where, helper)
