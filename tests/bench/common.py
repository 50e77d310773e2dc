"""What the measurements share: places, routes, and how they speak and fail."""
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "build/bench"
TASKS = "/api/v1/tasks"
ECHO = "/dev/echo"


class Failed(Exception):
    """A measurement whose figures must not be believed."""


def say(text):
    print(f"== {text}", flush=True)


def clear_ids(name):
    """A fresh prefix under which write runs record the ids that were acknowledged to them."""
    prefix = WORK / f"{name}.ids"
    for old in WORK.glob(prefix.name + "*"):
        old.unlink()
    return prefix
