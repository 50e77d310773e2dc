"""Every file of the data directory, missing, empty, cut, changed, older, another's, closed: what docs/data-directory.md says becomes of it."""
from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shutil
import sqlite3
import stat

import pytest

import workers
from harness import REPOSITORY, Server, cli, task_body, wait_for
from test_faults import fill, small_disk  # noqa: F401: a fixture

DOCUMENT = REPOSITORY / "docs" / "data-directory.md"
FOREIGN_UID = 12_345


def tables(first_cell: str) -> list[dict[str, str]]:
    """The rows of the document's tables whose second column is called so."""
    rows: list[dict[str, str]] = []
    header: list[str] = []
    for line in DOCUMENT.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            header = []
        elif not header:
            header = cells
        elif header[1] == first_cell and not set(line) <= set("|-"):
            rows.append(dict(zip(header, cells, strict=True)))
    return rows


CELLS, KILLED_CELLS = [], []
for row in tables("missing"):
    file = row.pop("file").strip("`")
    (KILLED_CELLS if file.endswith("-wal") else CELLS).extend((file, way, outcome) for way, outcome in row.items())


# What is damaged

@dataclasses.dataclass
class Story:
    """Directories of stopped servers, to be copied: one history at two ages, the newer one killed too, and another's."""

    now: pathlib.Path
    before: pathlib.Path
    killed: pathlib.Path
    another: pathlib.Path
    key: str  # of the first organization
    tasks: list[dict]
    email: str  # of the second one, who came after `before`
    erased: str  # who was erased after it


def keep(server: Server, place: pathlib.Path) -> pathlib.Path:
    shutil.copytree(server.data, place, symlinks=True)
    return place


@pytest.fixture(scope="module")
def story(tmp_path_factory) -> Story:
    folder = tmp_path_factory.mktemp("story")
    server = Server(folder / "data", folder / "server.log")
    other = Server(folder / "other", folder / "other.log")
    try:
        other.start().create_account("Other")
        assert other.stop() == 0
        server.start()
        first, leaving = server.create_account("First"), server.create_account("Leaving")
        first.create_task(title="the first task")
        workers.register(server)
        assert server.stop() == 0
        before = keep(server, folder / "before")
        server.start()
        server.cli("account", "erase", leaving.id)
        wait_for(lambda: f"the data key of {leaving.id} is destroyed" in server.log_tail(100_000), "the key is gone")
        second = server.create_account("Second", "second@data.example")
        for n in range(30):
            first.create_task(title=f"a task with number {n:04}")
        tasks = first.all_tasks()
        assert server.stop() == 0
        now = keep(server, folder / "now")
        server.start()
        server.create_account("Third")
        server.create_account("Fourth")
        first.create_task(title="not moved into the file yet")
        server.kill()
        killed = keep(server, folder / "killed")
        first.close()
        return Story(now, before, killed, folder / "other", first.api_key, tasks, "second@data.example", leaving.id)
    finally:
        for each in (server, other):
            if each.running:
                each.kill()


def files_of(data: pathlib.Path, name: str) -> list[pathlib.Path]:
    found = sorted(data.glob(name)) if "*" in name else [data / name]
    assert found, f"no {name}"
    return found


def flip(file: pathlib.Path) -> None:
    """One bit of what the file is about; of a database that can be made anew, of its header."""
    content = bytearray(file.read_bytes())
    place = len(content) // 2
    if file.name == "journal.db":
        place = content.find(b"a task with number 0010")
    elif file.name == "keys.db":
        with contextlib.closing(sqlite3.connect(file)) as db:
            box = db.execute("SELECT box FROM data_keys WHERE owner LIKE 'org_%' AND box IS NOT NULL").fetchone()[0]
        place = content.find(box) + 20
    elif file.suffix == ".db":
        place = 0
    elif file.name == "ops.token":
        place = 7
    assert place >= 0
    content[place] ^= 1
    file.write_bytes(content)


def damage(data: pathlib.Path, name: str, way: str, story: Story) -> None:
    for file in files_of(data, name):
        inside = file.relative_to(data)
        if not file.exists() and name == "server.json":
            file.write_text('{"pid":1,"listen":"127.0.0.1:1","ops":"127.0.0.1:1"}\n')
            file.chmod(0o600)
        if way == "missing":
            shutil.rmtree(file) if file.is_dir() else file.unlink()
        elif way == "not readable":
            file.chmod(0o200 if file.is_file() else 0o300)
        elif way == "not writable":
            file.chmod(0o400 if file.is_file() else 0o500)
        elif way == "open to others":
            file.chmod(0o666 if file.is_file() else 0o777)
        elif way == "symlink":
            elsewhere = data.parent / f"elsewhere-{file.name}"
            shutil.move(file, elsewhere)
            file.symlink_to(elsewhere)
        elif way == "another's":
            os.chown(file, FOREIGN_UID, FOREIGN_UID)
        elif file.is_dir():
            continue  # its content is what the next rows are about
        elif way == "empty":
            file.write_bytes(b"")
        elif way == "cut":
            os.truncate(file, file.stat().st_size // 2)
        elif way == "bit flipped":
            flip(file)
        else:
            source = {"older": story.before, "of another journal": story.another}[way] / inside
            if source.exists():
                shutil.copy(source, file)


# What becomes of it

@pytest.fixture
def started(tmp_path):
    """Starts a server on a directory: (server, whether it became ready, what it said)."""
    made: list[Server] = []

    def start(data: pathlib.Path) -> tuple[Server, bool, str]:
        server = Server(data, tmp_path / "server.log")
        made.append(server)
        server.spawn()

        def settled():
            if not server.running:
                return "ended"
            if server.read_addresses():
                return {200: "ready", 503: "refusing"}.get(server.readyz())
            return None

        state = wait_for(settled, "the server ends, serves, or says that it does not", 60)
        said = server.log_tail(20_000)
        if state == "ended":
            code = server.wait()
            assert 0 < code < 128, f"exit code {code}:\n{said}"
        return server, state == "ready", said

    yield start
    for server in made:
        if server.running:
            server.kill()


def assert_serves(server: Server, story: Story) -> None:
    with server.client(story.key) as client:
        shown = client.get("/api/v1/tasks", params={"limit": 100}).json()["data"]
        assert shown == story.tasks
        made = client.post("/api/v1/tasks", json=task_body(title="after that"))
        assert made.status_code == 201, made.text
    assert story.email in server.cli("account", "list").stdout.decode()


PLACES = ("erasure.json", "relay-settle.json", "collector.json")


def private(path: pathlib.Path) -> bool:
    return stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


@pytest.mark.parametrize("name,way,outcome", CELLS, ids=[f"{name}-{way}".replace(" ", "_") for name, way, _ in CELLS])
def test_each_cell(story, started, tmp_path, name, way, outcome):
    if way == "another's" and os.geteuid() != 0:
        pytest.skip("to give a file away needs root")
    data = shutil.copytree(story.now, tmp_path / "data", symlinks=True)
    token = (data / "ops.token").read_text()
    damage(data, name, way, story)
    left = {path: path.read_bytes() for path in (data / "journal.db", data / "keys.db", data / "master.key") if path.is_file()}
    server, ready, said = started(data)
    if outcome == "refused":
        assert not ready, f"it serves:\n{said}"
        assert re.search(re.escape(name.split("*")[0].rstrip("/")), said), said
        for path, content in left.items():
            assert path.read_bytes() == content or path.name == "journal.db", f"{path} was changed"
        return
    assert ready, said
    assert_serves(server, story)
    if outcome == "by verify":
        assert server.stop() == 0
        verified = server.cli("journal", "verify", check=False)
        assert verified.returncode == 4
        assert re.search(r"tasks/\d+ offset \d+", verified.stderr.decode())
        return
    assert server.cli("journal", "verify").returncode == 0
    if outcome in ("told", "mended"):
        assert pathlib.Path(name).name in said or name.rstrip("/") in said, said
    if outcome == "rebuilt":
        server.assert_rebuild_gives_same_digest()
    if name == "ops.token":
        assert ((data / name).read_text() != token) == (outcome == "made anew" or way in ("bit flipped", "of another journal"))
    if name in PLACES:  # written now and then, and at the stop in any case
        assert server.stop() == 0
    for path in [data, *files_of(data, name.rstrip("/"))]:
        assert path.name == "access.log" or private(path), f"{path} has mode {oct(path.stat().st_mode)}"
    if server.running:
        assert server.stop() == 0


@pytest.mark.parametrize("name,way,outcome", KILLED_CELLS, ids=[f"{name}-{way}".replace(" ", "_") for name, way, _ in KILLED_CELLS])
def test_what_a_killed_server_had_not_moved_yet(story, started, tmp_path, name, way, outcome):
    data = shutil.copytree(story.killed, tmp_path / "data", symlinks=True)
    assert (data / name).stat().st_size > 0
    if way == "bit flipped":
        content = bytearray((data / name).read_bytes())
        content[40] ^= 1  # in the first frame: nothing from there on counts
        (data / name).write_bytes(content)
    elif way == "cut":
        os.truncate(data / name, 40)  # in the first frame: what lies behind may be of an earlier round and count for nothing
    else:
        damage(data, name, way, story)
    _, ready, said = started(data)
    assert outcome == "refused"
    assert not ready, f"it serves:\n{said}"
    assert re.search(r"journal|keys\.db", said), said


def test_the_killed_one_serves_with_all_its_files(story, started, tmp_path):
    _, ready, said = started(shutil.copytree(story.killed, tmp_path / "data", symlinks=True))
    assert ready, said


# Keys

def verify(data: pathlib.Path, *options: str):
    done = cli("journal", "verify", "--data", str(data), *options, check=False)
    return done.returncode, (done.stdout + done.stderr).decode()


def change_keys(data: pathlib.Path, sql: str, *values) -> None:
    with sqlite3.connect(data / "keys.db") as db:
        assert db.execute(sql, values).rowcount > 0
    db.close()


def a_living_owner(data: pathlib.Path, kind: str) -> str:
    with contextlib.closing(sqlite3.connect(data / "keys.db")) as db:
        return db.execute("SELECT owner FROM data_keys WHERE owner LIKE ? AND box IS NOT NULL", (f"{kind}_%",)).fetchone()[0]


@pytest.mark.parametrize("kind", ["org", "wrk"])
@pytest.mark.parametrize("models", ["kept", "lost"])
def test_one_lost_key_is_refused_and_named(story, started, tmp_path, kind, models):
    data = shutil.copytree(story.now, tmp_path / "data")
    owner = a_living_owner(data, kind)
    change_keys(data, "DELETE FROM data_keys WHERE owner = ?", owner)
    if models == "lost":
        shutil.rmtree(data / "read_models")
    code, said = verify(data)
    assert code == 4 and owner in said and "newest copy of the data keys" in said
    assert verify(data, "--chain-only")[0] == 0
    _, ready, said = started(data)
    assert not ready and owner in said and "1 missing" in said
    # The way back: the newest copy of that one file.
    shutil.copy(story.now / "keys.db", data / "keys.db")
    assert verify(data)[0] == 0
    server, ready, said = started(data)
    assert ready, said
    assert_serves(server, story)


@pytest.mark.parametrize("way", ["missing", "bit flipped"])
def test_lost_keys_can_be_given_up(story, started, tmp_path, way):
    """Where there is no copy: the server goes on without them, and erasing their owners frees the addresses."""
    data = shutil.copytree(story.now, tmp_path / "data")
    damage(data, "keys.db", way, story)
    given_up = json.loads(cli("keys", "give-up", "--data", str(data), "--json").stdout)["given_up"]
    orgs = [owner for owner in given_up if owner.startswith("org_")]
    assert orgs and story.erased not in given_up
    assert way == "missing" or len(given_up) == 1
    assert json.loads(cli("keys", "give-up", "--data", str(data), "--json").stdout) == {"given_up": []}
    assert verify(data)[0] == 0
    server, ready, said = started(data)
    assert ready, said
    for owner in orgs:
        server.cli("account", "erase", owner)
    if way == "missing":
        server.create_account("Second again", story.email).close()
    assert server.stop() == 0
    assert verify(data)[0] == 0


def test_a_key_destroyed_without_an_erasure_is_refused(story, started, tmp_path):
    data = shutil.copytree(story.now, tmp_path / "data")
    owner = a_living_owner(data, "org")
    change_keys(data, "UPDATE data_keys SET nonce = NULL, box = NULL WHERE owner = ?", owner)
    code, said = verify(data)
    assert code == 4 and owner in said and "the journal is older than the keys" in said
    _, ready, said = started(data)
    assert not ready and owner in said


@pytest.mark.parametrize("models", ["kept", "lost"])
def test_a_destroyed_key_that_comes_back_is_destroyed_again(story, started, tmp_path, models):
    """From a copy that has everybody's keys, and that of somebody who was erased since."""
    data = shutil.copytree(story.now, tmp_path / "data")
    with contextlib.closing(sqlite3.connect(story.before / "keys.db")) as db:
        nonce, box = db.execute("SELECT nonce, box FROM data_keys WHERE owner = ?", (story.erased,)).fetchone()
    assert box is not None
    change_keys(data, "UPDATE data_keys SET nonce = ?, box = ? WHERE owner = ?", nonce, box, story.erased)
    if models == "lost":
        shutil.rmtree(data / "read_models")
    code, said = verify(data)
    assert code == 0 and story.erased in said
    server, ready, said = started(data)
    assert ready, said
    assert story.erased in said and "destroyed now" in said
    assert not any(box in path.read_bytes() for path in data.glob("keys.db*"))
    assert_serves(server, story)
    assert server.stop() == 0
    _, said = verify(data)
    assert story.erased not in said


@pytest.mark.parametrize("models", ["kept", "lost"])
def test_an_erased_owner_without_a_tombstone_gets_one(story, started, tmp_path, models):
    """As files of before tombstones, or a copy from before somebody came who has gone since."""
    data = shutil.copytree(story.now, tmp_path / "data")
    change_keys(data, "DELETE FROM data_keys WHERE owner = ?", story.erased)
    if models == "lost":
        shutil.rmtree(data / "read_models")
    assert verify(data)[0] == 0
    server, ready, said = started(data)
    assert ready, said
    assert_serves(server, story)
    assert server.stop() == 0
    with contextlib.closing(sqlite3.connect(data / "keys.db")) as db:
        assert db.execute("SELECT box FROM data_keys WHERE owner = ?", (story.erased,)).fetchone() == (None,)


def test_keys_without_their_journal_are_not_given_an_empty_one(story, started, tmp_path):
    data = shutil.copytree(story.now, tmp_path / "data")
    shutil.rmtree(data / "read_models")
    (data / "journal.db").unlink()
    (data / "journal.db-wal").unlink(missing_ok=True)
    _, ready, said = started(data)
    assert not ready and "there is no journal" in said
    made = cli("journal", "init", "--data", str(data), check=False)
    assert made.returncode == 1 and b"newest copy of the journal" in made.stderr
    assert not (data / "journal.db").exists()


def test_a_running_server_says_what_is_lost(story, started, tmp_path):
    server, ready, said = started(shutil.copytree(story.now, tmp_path / "data"))
    assert ready, said
    view = server.cli_json("journal", "verify")
    assert view["sound"] and view["notes"] == []


def test_a_full_disk_stops_no_keys_for_good(small_disk, fresh_server, make_org):
    """What needs a new data key is refused while there is no room, and is taken again by the same process."""
    server = fresh_server(data=small_disk / "data")
    make_org(server)
    ballast = fill(small_disk, 0)
    for n in range(20):  # other emails, other partitions: none may be stopped
        refused = server.cli("account", "create", "--surface", "groundtruth", "--name", "Later", "--email",
                             f"{n}@full.example", check=False)
        assert refused.returncode == 3, refused.stderr
    assert server.running
    ballast.unlink()
    for n in range(20):
        wait_for(lambda n=n: server.cli("account", "create", "--surface", "groundtruth", "--name", "Later", "--email",
                                        f"{n}@full.example", check=False).returncode == 0, "an account is taken again")
    assert server.readyz() == 200


# The master key

def test_the_master_key_is_made_by_a_command(tmp_path):
    data = tmp_path / "data"
    made = cli("master-key", "create", "--data", str(data))
    assert str(data / "master.key") in made.stdout.decode()
    assert re.fullmatch(r"[0-9a-f]{64}\n", (data / "master.key").read_text())
    assert stat.S_IMODE((data / "master.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    before = (data / "master.key").read_bytes()
    again = cli("master-key", "create", "--data", str(data), check=False)
    assert again.returncode == 1 and b"is there already" in again.stderr
    assert (data / "master.key").read_bytes() == before
    cli("journal", "init", "--data", str(data))
    assert json.loads(cli("master-key", "create", "--data", str(tmp_path / "next"), "--json").stdout) == {
        "file": str(tmp_path / "next" / "master.key")}


def test_no_other_master_key_is_made_where_there_are_keys(story, tmp_path):
    data = shutil.copytree(story.now, tmp_path / "data")
    (data / "master.key").unlink()
    refused = cli("master-key", "create", "--data", str(data), check=False)
    assert refused.returncode == 1 and b"could not open them" in refused.stderr
    assert not (data / "master.key").exists()


@pytest.mark.parametrize("left", ["", "00112233", "new"])
def test_a_first_start_that_was_interrupted_refuses_no_later_one(started, tmp_path, left):
    """What a crash in the making of the master key leaves: nothing, a part of it, or a part under its first name."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    file = data / ("master.key.new" if left == "new" else "master.key")
    file.write_text(left)
    file.chmod(0o600)
    server, ready, said = started(data)
    assert ready, said
    assert server.stop() == 0
    assert not (data / "master.key.new").exists()
    assert re.fullmatch(r"[0-9a-f]{64}\n", (data / "master.key").read_text())


# Modes

def test_everything_is_its_owners_alone_under_any_umask(started, tmp_path):
    before = os.umask(0)
    try:
        server, ready, said = started(tmp_path / "data")
    finally:
        os.umask(before)
    assert ready, said
    server.create_account("Acme").create_task()
    workers.register(server)
    wait_for(lambda: list((server.data / "mail").glob("*.eml")), "the mail")
    assert server.stop() == 0
    for path in [server.data, *server.data.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), f"{path} has mode {oct(mode)}"


def test_what_others_could_read_is_closed_and_said(story, started, tmp_path):
    data = shutil.copytree(story.now, tmp_path / "data")
    for path in [data, *data.iterdir(), *(data / "read_models").iterdir(), *(data / "media").iterdir()]:
        if path.name not in ("master.key", "ops.token", "access.log"):
            path.chmod(0o755 if path.is_dir() else 0o644)
    server, ready, said = started(data)
    assert ready, said
    for name in ("journal.db", "keys.db", "read_models/tasks", "media/small.db", "lock"):
        assert name in said
    assert_serves(server, story)
    for path in [data, *data.iterdir(), *(data / "read_models").iterdir(), *(data / "media").iterdir()]:
        assert private(path), path


def test_a_token_that_others_could_read_opens_nothing_any_more(story, started, tmp_path):
    data = shutil.copytree(story.now, tmp_path / "data")
    (data / "ops.token").chmod(0o644)
    old = (data / "ops.token").read_text().strip()
    server, ready, said = started(data)
    assert ready, said
    assert "ops.token" in said and "new operators' token" in said
    with server.ops() as ops:
        assert ops.get("/ops/accounts").status_code == 200
        assert ops.get("/ops/accounts", headers={"Authorization": f"Bearer {old}"}).status_code == 401


def test_a_shared_directory_keeps_its_mode_and_must_not_be_written_by_others(story, started, tmp_path):
    data = shutil.copytree(story.now, tmp_path / "data")
    (data / "notes-of-somebody.txt").write_text("not ours")
    data.chmod(0o755)
    server, ready, said = started(data)
    assert ready and "chmod 700" in said, said
    assert stat.S_IMODE(data.stat().st_mode) == 0o755
    assert server.stop() == 0
    data.chmod(0o1777)
    _, ready, said = started(data)
    assert not ready and "chmod 700" in said, said
    assert stat.S_IMODE(data.stat().st_mode) == 0o1777


# The document

def test_every_cell_of_the_document_is_tried():
    words = {"refused", "made anew", "rebuilt", "mended", "told", "taken", "by verify"}
    assert {outcome for _, _, outcome in CELLS + KILLED_CELLS} <= words
    assert len(CELLS) == len({name for name, _, _ in CELLS}) * 11
    assert len(KILLED_CELLS) == 8


def test_the_document_knows_every_file(story):
    text = DOCUMENT.read_text()
    for path in story.now.iterdir():
        if not path.name.endswith(("-wal", "-shm")):
            assert f"`{path.name}" in text, path.name
