"""A Kafka cluster of a test's own, one broker or three, started and hurt through scripts/kafka."""
from __future__ import annotations

import contextlib
import fcntl
import pathlib
import subprocess
from collections.abc import Iterator

from harness import REPOSITORY

SCRIPT = REPOSITORY / "scripts" / "kafka"
# Longer than the script's own deadlines, so that its message is seen and not this one.
DEADLINE_S = 300

# A client that notices soon that a broker went or came back.
QUICK = {
    "reconnect.backoff.ms": 50,
    "reconnect.backoff.max.ms": 500,
    "retry.backoff.ms": 50,
    "topic.metadata.refresh.fast.interval.ms": 100,
}


@contextlib.contextmanager
def alone(temporary: pathlib.Path) -> Iterator[None]:
    """Of the processes that share out one run of the tests, one at a time: three brokers and three nodes are enough for a
    small machine. `temporary` is the process's base directory of pytest."""
    with (temporary.parent / "clusters.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class KafkaCluster:
    """Brokers 1 to `nodes` on free ports of 127.0.0.1 with their data in `directory`. As a context it runs inside and is
    stopped at the end, whatever the test did to it. `listeners` are protocols to be spoken beside plain text, and
    `properties` a file with the brokers' settings for them."""

    def __init__(self, nodes: int, directory: pathlib.Path, *, durable: bool = False, listeners: tuple[str, ...] = (),
                 properties: pathlib.Path | None = None):
        self.nodes = nodes
        self.directory = directory
        self._options = ["--nodes", str(nodes), "--port", "0", *(["--durable"] if durable else [])]
        if listeners:
            self._options += ["--listeners", ",".join(listeners)]
        if properties:
            self._options += ["--properties", str(properties)]

    def __enter__(self) -> KafkaCluster:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, node: int | None = None) -> None:
        """Starts one broker, or all that do not run, and returns when it answers; a broker that must wait for others to
        be most of the cluster is only started."""
        if node is None:
            self.run("up", *self._options)
        else:
            self.run("start", str(node))

    def stop(self, node: int | None = None) -> None:
        """Ends one broker, or all, the polite way."""
        if node is None:
            self.run("down")
        else:
            self.run("stop", str(node))

    def kill(self, node: int) -> None:
        """Ends one broker as kill -9 does; it is gone on return."""
        self.run("kill", str(node))

    def pid(self, node: int) -> int:
        return int(self.run("pid", str(node)).stdout)

    @property
    def brokers(self) -> str:
        """What `--brokers` and `bootstrap.servers` take."""
        return self._known()["BROKERS"]

    def brokers_of(self, listener: str) -> str:
        """The same for one of the other listeners."""
        return self._known()[f"BROKERS_{listener}"]

    def _known(self) -> dict[str, str]:
        lines = (self.directory / "cluster.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def client(self, **settings) -> dict:
        """Settings of a confluent_kafka client."""
        return {"bootstrap.servers": self.brokers, **QUICK, **settings}

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        """Runs scripts/kafka for this cluster; output is text."""
        done = subprocess.run([SCRIPT, *arguments, "--data", self.directory], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=DEADLINE_S)
        if check and done.returncode != 0:
            raise AssertionError(f"scripts/kafka {' '.join(arguments)} ended with {done.returncode}:\n"
                                 f"{done.stdout}\n{done.stderr}")
        return done
