"""Tables of results, printed and kept between markers in README.md."""
import datetime
import os
import pathlib
import platform
import re

README = pathlib.Path(__file__).with_name("README.md")


def table(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def keep(section, text):
    """Replaces what stands between `<!-- section:begin -->` and `<!-- section:end -->`."""
    print(f"\n{text}\n", flush=True)
    page = README.read_text()
    pattern = re.compile(rf"(<!-- {section}:begin -->\n).*?(<!-- {section}:end -->)", re.S)
    if not pattern.search(page):
        raise RuntimeError(f"{README.name} has no place for {section}")
    README.write_text(pattern.sub(lambda match: match[1] + text + "\n" + match[2], page))


def machine():
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory_kib = int(re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())[1])
    return (f"{datetime.date.today().isoformat()}: {os.cpu_count()} cores ({cpu[1].strip() if cpu else 'unknown'}), "
            f"{memory_kib / 2**20:.0f} GiB, Linux {platform.release().split('-')[0]}; the service and the client share the cores.")
