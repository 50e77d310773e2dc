"""An auditor of the journal that shares no code with the server: the chain rule, with hashlib and a regular expression."""
from __future__ import annotations

import hashlib
import json
import re

ZEROS = "0" * 64
PREFIX = re.compile(rb'\{"seq":(0|[1-9][0-9]*),"prev":"([0-9a-f]{64})",')
STREAM_ID = re.compile(r"^[a-z]+_[0-9a-hjkmnp-tv-z]{10}([0-9a-hjkmnp-tv-z]{2})[0-9a-hjkmnp-tv-z]{14}$")
CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
PARTITIONS = 16


def commit_id(value: bytes) -> str:
    return hashlib.blake2b(value, digest_size=32).hexdigest()


def check_chain(name: str, commits: list[bytes]) -> tuple[int, str]:
    """Follows the chain from genesis and returns its head (seq, id); fails with the place where it breaks."""
    assert commits, f"{name}: no genesis"
    head = ZEROS
    for seq, value in enumerate(commits):
        match = PREFIX.match(value)
        assert match, f"{name}: commit {seq} does not begin as a record must: {value[:120]!r}"
        assert int(match[1]) == seq, f"{name}: commit {seq} says that it is {int(match[1])}"
        assert match[2].decode() == head, f"{name}: commit {seq} does not follow the one before it"
        head = commit_id(value)
    return len(commits) - 1, head


def check_partition(partition) -> list[dict]:
    """Everything that an outsider can check of one partition; returns its decoded commits."""
    seq, head = check_chain(partition.name, partition.commits)
    # A live server may have appended between `stat` and `cat`, so the head that `stat` named is looked up by its place.
    assert partition.seq <= seq, f"{partition.name}: stat says {partition.seq}, cat has {seq}"
    assert commit_id(partition.commits[partition.seq]) == partition.id, f"{partition.name}: stat names another head"

    commits = [json.loads(value) for value in partition.commits]
    genesis = commits[0]["events"]
    assert [event["type"] for event in genesis] == ["journal.created"], f"{partition.name}: genesis holds {genesis}"
    at = ""
    versions: dict[str, int] = {}
    for number, commit in enumerate(commits):
        place = f"{partition.name} seq {number}"
        assert commit["at"] >= at, f"{place}: time runs backwards"
        at = commit["at"]
        if number == 0:
            continue
        for event in commit["events"]:
            assert {"stream", "version", "type", "schema", "data"} <= set(event), f"{place}: {event}"
            stream = event["stream"]
            assert event["version"] == versions.get(stream, 0) + 1, f"{place}: {stream} skips or repeats a version"
            versions[stream] = event["version"]
            match = STREAM_ID.match(stream)
            if match:
                bucket = CROCKFORD.index(match[1][0]) * 32 + CROCKFORD.index(match[1][1])
                assert bucket % PARTITIONS == partition.partition, f"{place}: {stream} belongs to another partition"
    commands = [commit["command"]["id"] for commit in commits[1:] if "command" in commit]
    assert len(commands) == len(set(commands)), f"{partition.name}: a command was accepted twice"
    return commits


def check_journal(partitions) -> dict[str, list[dict]]:
    """Checks every partition; returns the decoded commits by `topic/partition`."""
    return {partition.name: check_partition(partition) for partition in partitions}


def events_of(journal: dict[str, list[dict]], stream: str) -> list[dict]:
    """All events of one stream, in order."""
    return [event for commits in journal.values() for commit in commits for event in commit["events"]
            if event.get("stream") == stream]
