"""A profile of a running process by perf: the heaviest functions, and folded stacks that any flame graph tool reads."""
import collections
import re
import subprocess
import threading


def record(pid, directory, seconds, load):
    """Samples the process while `load(seconds)` runs beside it; writes profile.top and profile.folded."""
    data = directory / "perf.data"
    beside = threading.Thread(target=load, args=(seconds,))
    beside.start()
    try:
        # cpu-clock needs no hardware counters, so this works in a virtual machine too. The release build has no frame
        # pointers, hence stacks by unwind tables.
        subprocess.run(["perf", "record", "-q", "-e", "cpu-clock", "-F", "199", "--call-graph", "dwarf,8192", "-o",
                        str(data), "-p", str(pid), "--", "sleep", str(seconds)], check=True, timeout=seconds + 60)
    finally:
        beside.join()
    script = subprocess.run(["perf", "script", "-i", str(data), "--no-inline", "-F", "comm,ip,sym"], check=True,
                            capture_output=True, text=True, errors="replace", timeout=900).stdout
    stacks, alone = fold(script)
    total = sum(stacks.values()) or 1
    top = "\n".join(f"{100 * count / total:5.1f} %  {name}" for name, count in alone.most_common(20))
    (directory / "profile.top").write_text(top + "\n")
    (directory / "profile.folded").write_text("".join(f"{stack} {count}\n" for stack, count in sorted(stacks.items())))
    print(f"\n{total} samples, share of a function without what it calls:\n\n{top}\n")
    print("Folded stacks: build/bench/profile.folded")


def fold(script):
    """perf's stacks, innermost function first, as `outer;…;inner` with counts; and the counts of the innermost."""
    stacks, alone = collections.Counter(), collections.Counter()
    for sample in re.split(r"\n\s*\n", script.strip()):
        lines = sample.splitlines()
        if len(lines) < 2:
            continue
        frames = []
        for line in lines[1:]:
            found = re.match(r"\s*[0-9a-f]+ (.*)$", line)
            if found:
                frames.append(short(found[1]))
        if frames:
            alone[frames[0]] += 1
            stacks[";".join([lines[0].strip().replace(";", ":")] + frames[::-1])] += 1
    return stacks, alone


def short(name):
    """A C++ name without its parameters and template arguments, at a length that a line holds."""
    name = name.replace(";", ":").strip()
    for _ in range(8):
        shorter = re.sub(r"<[^<>]*>|\([^()]*\)", "", name)
        if shorter == name:
            break
        name = shorter
    return name[:120] or "[unknown]"
