"""Each write, sync, rename, opening, truncation, removal of each file fails once, or for a while: EIO, ENOSPC.

What calls there are is taken from recorded runs on a healthy disk: of each kind of call on each kind of file the first, one
in the middle, and the last. GROUNDTRUTH_FAULTS says how many of these a test tries (0: all); GROUNDTRUTH_SEED repeats a choice.

What must hold, as README.md says under "When something fails": without room nothing is lost, what is refused is refused with
503 and Retry-After, and the same process goes on by itself once there is room. Where a call fails otherwise, the process may
end, and the next start says what to do; or it goes on. In either case every acknowledged fact stays, also on the disk that a
power loss leaves right afterwards."""
from __future__ import annotations

import concurrent.futures
import contextlib
import copy
import dataclasses
import errno
import os
import pathlib
import random
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator

import pytest

import facts
from disk import CALLS, TAKE_ALL_ROOM, Disk, Kind, Record, Recorder, Rule, after_power_loss, certain_only, failing
from facts import Acts, Outcome, done
from harness import Server, StartFailed, cli, wait_for
from workers import Worker

pytestmark = pytest.mark.xdist_group("disk_faults")  # one process records the healthy runs
FAULTS = int(os.environ.get("GROUNDTRUTH_FAULTS", "3"))
THREADS = min(os.cpu_count() or 1, 4)
REPAIRS = {"journal verify --repair-marker": ["journal", "verify", "--repair-marker"],
           "groundtruth journal init": ["journal", "init"]}

# Files of one kind, whose calls are all alike.
KINDS = [(re.compile(pattern), replaced) for pattern, replaced in [
    (r"/objects/[0-9a-f]{2}/.+$", "/objects/??/*"), (r"/objects/[0-9a-f]{2}$", "/objects/??"),
    (r"/incoming/.+$", "/incoming/*"), (r"/mail/\..+$", "/mail/.*"), (r"/mail/.+\.eml$", "/mail/*.eml"),
    (r"/read_models/[a-z]+\.v\d+\.db", "/read_models/*.db"), (r"\.\d+\.new$", ".*.new")]]


def kind_of(name: str) -> str:
    for pattern, replaced in KINDS:
        name = pattern.sub(replaced, name)
    return name


@dataclasses.dataclass(frozen=True)
class Case:
    call: str
    pattern: str
    error: int
    skip: int
    lasting: bool = False

    @property
    def rule(self) -> Rule:
        return Rule(self.call, self.pattern, self.error, self.skip, 0 if self.lasting else 1)

    def __str__(self) -> str:
        what = "the disk is full" if self.error == TAKE_ALL_ROOM else errno.errorcode[self.error]
        return (f"{self.call} {self.pattern}: {what}, "
                f"{'from' if self.lasting else 'at'} number {self.skip + 1}")


def cases_of(records: list[Record], lasting: bool = False) -> list[Case]:
    """Every kind of call on every kind of file, at its first, middle and last place, with both errors."""
    counts: dict[tuple[str, str], int] = {}
    for record in records:
        if record.kind in CALLS and record.name:
            place = CALLS[record.kind], kind_of(record.target)
            counts[place] = counts.get(place, 0) + 1
    return [Case(call, pattern, error, skip, lasting)
            for (call, pattern), count in sorted(counts.items())
            for error in (errno.EIO, errno.ENOSPC) if (call, error) not in IMPOSSIBLE
            for skip in sorted({0} if lasting else {0, count // 2, count - 1})]


# Files are only ever shortened, for which there is room.
IMPOSSIBLE = {("open", errno.ENOSPC), ("unlink", errno.EIO), ("unlink", errno.ENOSPC), ("truncate", errno.ENOSPC)}


# Where failures once were passed over in silence, or stopped what need not stop: tried in any case.
SORE = {("sync", "data/journal.db", errno.EIO), ("write", "data/keys.db-wal", errno.ENOSPC),
        ("write", "data/keys.db-wal", TAKE_ALL_ROOM), ("write", "data/keys.db-wal", errno.EIO),
        ("sync", "data/media/small.db-wal", errno.EIO), ("sync", "data/read_models/*.db", errno.EIO),
        ("write", "data/mail/.*", errno.ENOSPC)}


def choice_of(cases: list[Case]) -> list[Case]:
    """FAULTS of them, and those of which it is known that they are worth it."""
    seed = int(os.environ.get("GROUNDTRUTH_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
    chosen = [case for case in cases if not FAULTS or (case.call, case.pattern, case.error) in SORE]
    others = [case for case in cases if case not in chosen]
    chosen += random.Random(seed).sample(others, min(FAULTS, len(others)))
    print(f"GROUNDTRUTH_SEED={seed}, {len(chosen)} of {len(cases)} cases")
    return chosen


def try_each(cases: list[Case], folder: pathlib.Path, try_one: Callable[[Case, pathlib.Path], None]) -> None:
    """Every case in a folder of its own, some at a time; tells of all that fail."""
    def attempt(numbered: tuple[int, Case]) -> str | None:
        number, case = numbered
        place = folder / f"case{number}"
        try:
            try_one(case, place)
            shutil.rmtree(place)
            return None
        except Exception as problem:  # told with all others, and what there is stays
            log = place / "server.log"
            said = log.read_text(errors="replace")[-1500:] if log.exists() else ""
            return f"{case}, {place}:\n{type(problem).__name__}: {problem}\n{said}"

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        problems = [problem for problem in pool.map(attempt, enumerate(cases)) if problem]
    assert not problems, f"{len(problems)} of {len(cases)} cases are not right:\n\n" + "\n\n".join(problems[:20])


def start_again(server: Server) -> None:
    """Starts on a disk that is whole again, by what a refusal says."""
    tried = set()
    while True:
        try:
            server.start()
            return
        except StartFailed as refused:
            assert refused.code > 0, f"it crashed: {refused}"
            asked = [words for words in REPAIRS if words in refused.log and words not in tried]
            if not asked:
                raise
            tried.add(asked[0])
            done = cli(*REPAIRS[asked[0]], "--data", str(server.data), environment=server.environment, check=False)
            # Of a journal that was never finished the marker goes all the same, and the next step is named.
            assert done.returncode == 0 or b"groundtruth journal init" in done.stderr, done.stderr
            server.log.unlink()


def kill(server: Server) -> None:
    if server.running:
        server.kill()


def check_after_power_loss(server: Server, recorder: Recorder, known: list[dict], before: pathlib.Path | None) -> None:
    """Of the run so far only what is certain is left; everything that was answered is in it."""
    folder = recorder.root.parent / "after"
    records = recorder.records()
    Disk(records, len(records), before=before).build(folder, certain_only(), random.Random(0))
    other = Server(folder / "data", folder.parent / "after.log")
    other.environment = after_power_loss(folder.parent)
    try:
        start_again(other)
        facts.check(other, known)
    except Exception as problem:
        raise AssertionError(f"after a power loss: {type(problem).__name__}: {problem}\n{other.log_tail(1500)}") from None
    finally:
        kill(other)


# The first start


@pytest.fixture(scope="module")
def healthy_start(tmp_path_factory) -> list[Record]:
    recorder = Recorder.below(tmp_path_factory.mktemp("start"))
    server = Server(recorder.root / "data", recorder.root.parent / "server.log")
    server.environment = recorder.environment
    try:
        server.start()
    finally:
        kill(server)
    return recorder.records()


@pytest.mark.slow
def test_faults_at_the_first_start(healthy_start, tmp_path):
    def try_one(case: Case, place: pathlib.Path) -> None:
        recorder = Recorder.below(place)
        known: list[dict] = []
        server = Server(recorder.root / "data", place / "server.log")
        server.environment = recorder.environment
        recorder.set_rules(case.rule)
        try:
            try:
                server.start()
            except StartFailed as failure:
                assert failure.code > 0, f"it crashed: {failure}"
                assert failure.log.strip(), "it says nothing"
                recorder.set_rules()
                server.log.unlink()
                start_again(server)
            acts = Acts(server, known.append)
            wait_for(lambda: acts.make_org() is Outcome.DONE, "an organization is made")
            acts.org = acts.spare_orgs.pop()
            for act in (acts.make_task, acts.register, acts.make_key):
                wait_for(lambda act=act: act() is Outcome.DONE, f"{act.__name__} is done")
        finally:
            kill(server)
        check_after_power_loss(server, recorder, known, None)

    try_each(choice_of(cases_of(healthy_start)), tmp_path, try_one)


# While it serves, and at its stop


@dataclasses.dataclass
class Prepared:
    """A data directory after a clean stop, and what was answered about it."""

    root: pathlib.Path
    known: list[dict]
    acts: Acts
    serving: list[Record]  # what a round of all acts asks of a healthy disk
    stopping: list[Record]

    def begin(self, place: pathlib.Path) -> tuple[Server, Recorder, Acts, list[dict]]:
        """A server on a copy of it."""
        recorder = Recorder.below(place)
        shutil.copytree(self.root, recorder.root, dirs_exist_ok=True)
        server = Server(recorder.root / "data", place / "server.log")
        server.environment = recorder.environment
        known = list(self.known)
        return server, recorder, forked(self.acts, server, known.append), known


def forked(acts: Acts, server: Server, note: Callable[[dict], None]) -> Acts:
    """The same acts with another server, which go on where these stand."""
    other = Acts(server, note)
    assert acts.worker is not None
    other.worker = Worker(server, {"id": acts.worker.id, "email": acts.worker.email, "name": acts.worker.name},
                          acts.worker.password)
    other.worker.token = acts.worker.token
    for name in ("org", "text_tasks", "media_tasks", "submissions", "spare_orgs"):
        setattr(other, name, copy.deepcopy(getattr(acts, name)))
    return other


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Prepared:
    folder = tmp_path_factory.mktemp("prepared")
    known: list[dict] = []
    server = Server(folder / "disk" / "data", folder / "server.log")
    try:
        server.start()
        acts = Acts(server, known.append)
        acts.prepare(rounds=2)
        assert server.stop() == 0
        made = Prepared(folder / "disk", known, acts, [], [])
        healthy, recorder, round_of, _ = made.begin(folder / "healthy")
        healthy.start()
        started = len(recorder.records())
        assert set(round_of.try_all().values()) == {Outcome.DONE}
        served = len(recorder.records())
        assert healthy.stop() == 0
        made.serving, made.stopping = recorder.records()[started:served], recorder.records()[served:]
        return made
    finally:
        kill(server)


def why_not_ready(server: Server) -> str:
    with server.ops() as ops:
        return ops.get("/readyz").text


def try_serving(prepared: Prepared, case: Case, place: pathlib.Path) -> None:
    server, recorder, acts, known = prepared.begin(place)
    # A sync that fails says nothing of room to SQLite, whatever its error.
    may_break = case.error == errno.EIO or case.call == "sync"
    try:
        server.start()
        acts.reads_fail = case.error == errno.EIO and case.call == "open"
        with failing(recorder, case.rule):
            for _ in range(2):
                acts.try_all()
        acts.reads_fail = False

        def is_broken() -> bool:
            """It has ended, or says that it can do no more: either is right after anything but a lack of room."""
            return may_break and (not server.running or server.readyz() == 503)

        if not acts.settle(f"by itself after {case}", unless=is_broken):
            if server.running:
                assert str(server.data) in why_not_ready(server), "it does not say which file"
                assert server.stop() >= 0, "it crashed"
            assert server.wait() >= 0, f"it crashed with {server.wait()}"
            assert server.log_tail().strip(), "it says nothing"
            server.log.unlink()
            start_again(server)
            acts.settle(f"after the restart that followed {case}")
        wait_for(lambda: server.readyz() == 200, "it is ready")
        facts.check(server, known)
    finally:
        kill(server)
    check_after_power_loss(server, recorder, known, prepared.root)


@pytest.mark.slow
def test_a_call_fails_while_it_serves(prepared, tmp_path):
    try_each(choice_of(cases_of(prepared.serving)), tmp_path, lambda case, place: try_serving(prepared, case, place))


@pytest.mark.slow
def test_calls_fail_for_a_while_while_it_serves(prepared, tmp_path):
    try_each(choice_of(cases_of(prepared.serving, lasting=True)), tmp_path,
             lambda case, place: try_serving(prepared, case, place))


@pytest.mark.slow
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
def test_faults_at_the_stop(prepared, tmp_path, lasting):
    def try_one(case: Case, place: pathlib.Path) -> None:
        server, recorder, acts, known = prepared.begin(place)
        try:
            server.start()
            assert set(acts.try_all().values()) == {Outcome.DONE}
            recorder.set_rules(case.rule)
            code = server.stop()
            assert code >= 0, f"it crashed with {code}"
            recorder.set_rules()
            check_after_power_loss(server, recorder, known, prepared.root)
            server.log.unlink()
            start_again(server)
            facts.check(server, known)
        finally:
            kill(server)

    try_each(choice_of(cases_of(prepared.stopping, lasting)), tmp_path, try_one)


# A disk that is really full


@contextlib.contextmanager
def small_disk(place: pathlib.Path) -> Iterator[None]:
    """A file system of 32 MiB at this place."""
    place.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", place], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a tmpfs: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def full_cases(records: list[Record]) -> list[Case]:
    """The disk is full from the first write to each kind of file on, and from one in the middle on; and from where it is made."""
    return sorted({dataclasses.replace(case, error=TAKE_ALL_ROOM) for case in cases_of(records)
                   if case.call in ("write", "create", "mkdir") and case.error == errno.ENOSPC}, key=str)


def fill_up_and_free(prepared: Prepared, case: Case, place: pathlib.Path) -> None:
    """The same process: refuses while there is no room, loses nothing, and does everything once there is."""
    with small_disk(place / "disk"):
        server, recorder, acts, known = prepared.begin(place)
        ballast = recorder.root / "ballast"
        try:
            server.start()
            with failing(recorder, case.rule):
                for _ in range(2):
                    acts.try_all()
                    assert server.running, "a lack of room has ended the process"
                with server.client(acts.org["api_key"]) as reader:
                    assert reader.get("/api/v1/tasks").status_code == 200, "reads go on"
            ballast.unlink(missing_ok=True)
            acts.settle(f"by itself after {case}")
            wait_for(lambda: server.readyz() == 200, "ready by itself")
            facts.check(server, known)
        finally:
            kill(server)
        check_after_power_loss(server, recorder, known, prepared.root)


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a tmpfs needs root")
def test_the_disk_is_full_at_each_files_write(prepared, tmp_path):
    try_each(choice_of(full_cases(prepared.serving)), tmp_path,
             lambda case, place: fill_up_and_free(prepared, case, place))


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a tmpfs needs root")
def test_the_disk_is_full_at_the_first_start(healthy_start, tmp_path):
    """It says so and ends, or serves what it can; with room again, the next start finds nothing in its way."""
    def try_one(case: Case, place: pathlib.Path) -> None:
        with small_disk(place / "disk"):
            recorder = Recorder.below(place)
            server = Server(recorder.root / "data", place / "server.log")
            server.environment = recorder.environment
            known: list[dict] = []
            recorder.set_rules(case.rule)
            try:
                with contextlib.suppress(StartFailed):
                    server.start()
                if not server.running:
                    assert server.wait() > 0 and server.log_tail().strip(), f"it ended with {server.wait()}"
                recorder.set_rules()
                (recorder.root / "ballast").unlink(missing_ok=True)
                if not server.running:
                    server.log.unlink()
                    start_again(server)
                acts = Acts(server, known.append)
                wait_for(lambda: acts.make_org() is Outcome.DONE, "an organization is made")
                acts.org = acts.spare_orgs.pop()
                for act in (acts.make_task, acts.register, acts.make_key):
                    wait_for(lambda act=act: act() is Outcome.DONE, f"{act.__name__} is done")
            finally:
                kill(server)
            check_after_power_loss(server, recorder, known, None)

    try_each(choice_of(full_cases(healthy_start)), tmp_path, try_one)


# Controls


def test_the_faults_are_those_that_were_asked_for(tmp_path):
    """Control: a rule fails the call that it names, that often, and nothing else."""
    recorder = Recorder.below(tmp_path)
    server = Server(recorder.root / "data", tmp_path / "server.log")
    server.environment = recorder.environment
    recorder.set_rules(Rule("sync", "data/journal.db-wal", errno.EIO, 1, 1))
    try:
        with pytest.raises(StartFailed) as failure:
            server.start()
    finally:
        kill(server)
    assert "journal.db" in failure.value.log
    assert [(fault.name, fault.other, fault.number) for fault in recorder.faults()] == [
        ("data/journal.db-wal", "sync", errno.EIO)]
    syncs = [record.kind for record in recorder.records() if record.name == "data/journal.db-wal"
             and record.kind in (Kind.SYNC_BEGIN, Kind.SYNC_FAILED)]
    assert syncs == [Kind.SYNC_BEGIN, Kind.SYNC_FAILED]
