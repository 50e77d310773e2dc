"""The power goes at any point of a recorded run: whatever disk it leaves, the next start finds every acknowledged fact.

One run is recorded (disk.py) while customers, workers and operators are at work, and with it who knew what when. Then disks
are built that a power loss at chosen points may leave, and the binary is started on each of them. GROUNDTRUTH_IMAGES says
on how many; GROUNDTRUTH_SEED repeats a choice. The controls take syncs for never made, and must find losses."""
from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import os
import pathlib
import random
import shutil
import threading
from collections.abc import Callable, Iterator

import pytest

import facts
from disk import Disk, Fate, Kind, Record, Recorder, after_power_loss, certain_only, fates, marks
from facts import Acts, done
from harness import Server, StartFailed, cli
from mail_server import Controller, Inbox

pytestmark = pytest.mark.xdist_group("power_loss")  # one process records the runs
IMAGES = int(os.environ.get("GROUNDTRUTH_IMAGES", "18"))
THREADS = min(os.cpu_count() or 1, 4)
MASTER_KEY = "00112233445566778899aabbccddeeff" * 2
# What a start may ask for, each a command that the message spells out, and that must mend it.
INSTRUCTIONS = {"groundtruth journal init": ["journal", "init"],
                "journal verify --repair-marker": ["journal", "verify", "--repair-marker"]}


@pytest.fixture(scope="module")
def seed() -> int:
    seed = int(os.environ.get("GROUNDTRUTH_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
    print(f"GROUNDTRUTH_SEED={seed}, {IMAGES} images")
    return seed


@dataclasses.dataclass
class Run:
    """A recorded run: what was asked of the disk, and when somebody knew what."""

    folder: pathlib.Path
    records: list[Record]
    known: list[tuple[int, dict]]
    settings: dict | None = None
    dev: bool = True

    def facts_at(self, count: int) -> list[dict]:
        return [fact for at, fact in self.known if at <= count]

    def points(self, generator: random.Random, number: int) -> list[int]:
        """Where the power goes: right after somebody was told something, between two names or syncs, and anywhere."""
        told = [at for at, _ in self.known] or [0]
        anywhere = range(len(self.records) + 1)
        return sorted(generator.choice([told, self.steps(), anywhere][n % 3]) for n in range(number))

    def steps(self) -> list[int]:
        """After each call that makes, moves or removes a name, or makes something certain."""
        kinds = set(Kind) - {Kind.WRITE, Kind.OPEN, Kind.MARK, Kind.FAULT}
        return [at + 1 for at, record in enumerate(self.records)
                if record.kind in kinds and not record.name.endswith(("-wal", "-shm")) and "/objects/" not in record.name]


@contextlib.contextmanager
def others_at_work(org: dict, server: Server, note: Callable[[dict], None]) -> Iterator[None]:
    """Other tasks are made meanwhile, so that much is on its way at any point."""
    ends = threading.Event()
    failures: list[Exception] = []

    def work() -> None:
        acts = Acts(server, note)
        acts.org = org
        try:
            while not ends.is_set():
                done(acts.make_task(pays=False, title="on its way"))
        except Exception as failure:  # told by the thread that waits
            failures.append(failure)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ends.set()
        thread.join()
    assert not failures, failures


def recorded(recorder: Recorder, **settings) -> Server:
    """A server below the recorder's root."""
    server = Server(recorder.root / "data", recorder.root.parent / "server.log", **settings)
    server.environment = recorder.environment
    return server


@pytest.fixture(scope="module")
def dev_run(tmp_path_factory) -> Run:
    """--dev from the first start on: everything that this program writes by itself."""
    folder = tmp_path_factory.mktemp("dev")
    recorder = Recorder.below(folder)
    server = recorded(recorder)
    try:
        server.start()
        acts = Acts(server, recorder.mark)
        acts.prepare(rounds=1)
        with others_at_work(acts.org, server, recorder.mark):
            for act in acts.all:
                done(act())
        assert server.stop() == 0
        server.start()
        acts.text_tasks.clear()
        done(acts.make_task())
        done(acts.make_task())
        for act in [acts.hand_in_text, acts.register, acts.reject, acts.make_org, acts.erase]:
            done(act())
        assert server.stop() == 0
    finally:
        if server.running:
            server.kill()
    records = recorder.records()
    return Run(folder, records, marks(records))


@pytest.fixture(scope="module")
def plain_run(tmp_path_factory) -> Iterator[Run]:
    """Without --dev, as README.md sets it up: a master key that no program has synced, `journal init`, `serve`."""
    folder = tmp_path_factory.mktemp("plain")
    recorder = Recorder.below(folder)
    inbox = Inbox()
    controller = Controller(inbox, hostname="127.0.0.1", port=0)
    controller.start()
    media = recorder.root / "media"
    settings = {"media": {"folder": str(media)}, "public_url": "https://gt.example",
                "mail": {"url": f"smtp://127.0.0.1:{controller.port}", "from": "no-reply@gt.example", "starttls": "off"}}
    server = Server(recorder.root / "data", folder / "server.log", dev=False, settings=settings)
    key = server.data / "master.key"
    key.touch(0o600)
    key.write_text(MASTER_KEY + "\n")
    recorder.note_file(key)
    media.mkdir(mode=0o700)
    try:
        cli("journal", "init", "--data", str(server.data), environment=recorder.environment)
        server.environment = recorder.environment
        server.start()
        acts = Acts(server, recorder.mark)
        for _ in range(2):
            done(acts.make_org())
            acts.org = acts.spare_orgs[-1]
            done(acts.make_key())
            done(acts.register())
        done(acts.erase())
        assert server.stop() == 0
        server.start()
        done(acts.make_org())
        done(acts.register())
        assert server.stop() == 0
        records = recorder.records()
        yield Run(folder, records, marks(records), settings, dev=False)
    finally:
        if server.running:
            server.kill()
        controller.stop()


# Images


def start_on(server: Server, known: list[dict], dev: bool) -> bool:
    """Starts, by what the refusal says where it refuses; False where nobody was told anything yet, and it says what is missing."""
    tried = set()
    while True:
        try:
            server.start()
            return True
        except StartFailed as refused:
            asked = [words for words in INSTRUCTIONS if words in refused.log and words not in tried]
            if not asked:
                if not known and not dev and server.log_tail().strip():
                    return False
                raise
            tried.add(asked[0])
            cli(*INSTRUCTIONS[asked[0]], "--data", str(server.data))
            server.log.unlink()


def examine(run: Run, folder: pathlib.Path, count: int, fate: Fate, seed: int, **disk) -> str | None:
    """Builds one image and starts on it; what is wrong there, or None."""
    try:
        folder.mkdir()
        root = folder / "disk"
        Disk(run.records, count, **disk).build(root, fate, random.Random(seed))
        settings = run.settings
        if settings:
            settings = {**settings, "media": {"folder": str(root / "media")}}
            (root / "media").mkdir(mode=0o700, exist_ok=True)
        server = Server(root / "data", folder / "server.log", settings=settings, dev=run.dev)
        server.environment = after_power_loss(folder)
        known = run.facts_at(count)
        try:
            if start_on(server, known, run.dev):
                facts.check(server, known)
        finally:
            if server.running:
                server.kill()
        shutil.rmtree(folder)
        return None
    except Exception as problem:  # told with all others, and the image stays
        log = (folder / "server.log").read_text(errors="replace")[-1500:] if (folder / "server.log").exists() else ""
        return (f"power loss after {count} of {len(run.records)} calls, {fate}, seed {seed}, {folder}:\n"
                f"{type(problem).__name__}: {problem}\n{log}")


def examine_all(run: Run, folder: pathlib.Path, images: list[tuple[int, Fate, int]], **disk) -> list[str]:
    folder.mkdir(exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        found = pool.map(lambda image: examine(run, folder / f"image{image[0]}", *image[1], **disk), enumerate(images))
        return [problem for problem in found if problem]


def images_of(run: Run, generator: random.Random, number: int) -> list[tuple[int, Fate, int]]:
    return [(point, fates(generator, point), generator.randrange(2**32)) for point in run.points(generator, number)]


def assert_none(problems: list[str], number: int) -> None:
    assert not problems, f"{len(problems)} of {number} images are not right:\n\n" + "\n\n".join(problems[:5])


@pytest.mark.slow
def test_a_power_loss_with_dev(dev_run, tmp_path, seed):
    images = images_of(dev_run, random.Random(seed), max(IMAGES * 2 // 3, 1))
    assert_none(examine_all(dev_run, tmp_path, images), len(images))


@pytest.mark.slow
def test_a_power_loss_without_dev(plain_run, tmp_path, seed):
    images = images_of(plain_run, random.Random(seed + 1), max(IMAGES // 3, 1))
    assert_none(examine_all(plain_run, tmp_path, images), len(images))


@pytest.mark.slow
def test_a_power_loss_right_after_each_kind_of_answer(dev_run, tmp_path):
    """The cruellest disk, at the moments at which it hurts most: all that is not certain is lost."""
    first = {}
    for at, fact in dev_run.known:
        first.setdefault(fact["what"], at)
    images = [(at, certain_only(), 1) for at in [*first.values(), len(dev_run.records)]]
    assert_none(examine_all(dev_run, tmp_path, images), len(images))


@pytest.mark.slow
def test_a_first_start_that_is_cut_off(dev_run, tmp_path, seed):
    """Nothing was promised yet, and nothing that it leaves is in the way of the next start."""
    generator = random.Random(seed + 3)
    first = dev_run.known[0][0]
    steps = [at for at in dev_run.steps() if at < first]
    keys = [at for at in steps if dev_run.records[at - 1].target.startswith("data/master.key")]
    chosen = sorted({*keys, *generator.sample(steps, min(max(IMAGES // 3, 1), len(steps)))})
    unkind = [Fate("content is lost, names are there", 0, 1), Fate("half of it", 0.5, 0.5, sector=512), certain_only()]
    images = [(at, unkind[n % len(unkind)] if at not in keys else unkind[0], n) for n, at in enumerate(chosen)]
    assert_none(examine_all(dev_run, tmp_path, images), len(images))


@pytest.mark.slow
def test_a_power_loss_during_the_start_after_a_power_loss(dev_run, tmp_path, seed):
    """What a start mends may be lost half-way as well."""
    generator = random.Random(seed + 2)
    for number in range(max(IMAGES // 30, 1)):
        point = dev_run.points(generator, 2)[-1]
        folder = tmp_path / f"first{number}"
        recorder = Recorder.below(folder)
        Disk(dev_run.records, point).build(recorder.root, fates(generator, point), generator)
        before = folder / "before"
        shutil.copytree(recorder.root, before)
        server = recorded(recorder)
        server.environment |= {"DISK_BOOT": after_power_loss(folder)["DISK_BOOT"]}
        try:
            server.start()
            server.stop()
        finally:
            if server.running:
                server.kill()
        known = [(0, fact) for fact in dev_run.facts_at(point)]
        again = Run(folder, recorder.records(), known)
        images = images_of(again, generator, 4)
        assert_none(examine_all(again, folder / "second", images, before=before), len(images))


@pytest.mark.slow
def test_a_data_directory_that_the_first_start_makes(tmp_path):
    """Its own name is certain as well, before anybody is told anything."""
    recorder = Recorder.below(tmp_path)
    server = recorded(recorder)
    server.data.rmdir()
    try:
        server.start()
        done(Acts(server, recorder.mark).make_org())
    finally:
        server.kill()
    run = Run(tmp_path, recorder.records(), marks(recorder.records()))
    images = [(len(run.records), certain_only(), 1)]
    assert_none(examine_all(run, tmp_path, images), len(images))


# Controls


def assert_missed(run: Run, folder: pathlib.Path, name: str, what: str) -> None:
    """On the cruellest disk after the last fact of the kind all is there, and something is not where what has this name
    is never synced."""
    def forgets(record: Record) -> bool:
        return pathlib.PurePath(record.name).match(name)

    assert any(forgets(record) for record in run.records if record.kind is Kind.SYNC_END), "it is never synced at all"
    image = max(at for at, fact in run.known if fact["what"] == what), certain_only(), 1
    assert_none(examine_all(run, folder / "synced", [image]), 1)
    assert examine_all(run, folder / "not", [image], forgets=forgets), "nothing was lost"


@pytest.mark.slow
@pytest.mark.parametrize("name,what", [("data/journal.db*", "task"), ("data/keys.db*", "worker"),
                                       ("data/media/small.db*", "submission"), ("data/media/incoming/*", "submission")])
def test_a_file_that_is_never_synced_is_missed(dev_run, tmp_path, name, what):
    assert_missed(dev_run, tmp_path, name, what)


@pytest.mark.slow
@pytest.mark.parametrize("name,what", [("data", "task"), ("data/media/objects/??", "submission")])
def test_a_directory_that_is_never_synced_is_missed(dev_run, tmp_path, name, what):
    assert_missed(dev_run, tmp_path, name, what)
