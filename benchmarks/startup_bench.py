"""What the command line costs before it does anything: processor time of `--help` and `--version`, wall time of a
one-node refresh and of `nodes list` in an unchanged project of 1,000 nodes.

    python benchmarks/startup_bench.py [--nodes 1000] [--runs 7] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from refresh_bench import write_project


@dataclass
class Timing:
    limit: str
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def timed(command: list[str], cwd: Path) -> tuple[float, float]:
    """(wall, processor) seconds of one process."""
    before = os.times()
    started = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - started
    after = os.times()
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    children = (after.children_user - before.children_user) + (after.children_system - before.children_system)
    return wall, children


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    headgate = str(Path(sys.executable).with_name("headgate"))
    timings = {
        "headgate --help": Timing("0.15 s CPU"),
        "headgate --version": Timing("0.15 s CPU"),
        "nodes list, cold": Timing("1.2 s"),
        "nodes list, warm": Timing("0.4 s"),
        "refresh of one node": Timing("0.7 s"),
    }
    last = f"N{arguments.nodes - 1:05d}"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        write_project(root, arguments.nodes)
        for command in (["deploy", "-e", "dev", "--yes"], ["refresh", "-e", "dev"]):
            timed([headgate, *command], root)
        commands = {
            "headgate --help": [headgate, "--help"],
            "headgate --version": [headgate, "--version"],
            "nodes list, cold": [headgate, "nodes", "list", "--json"],
            "nodes list, warm": [headgate, "nodes", "list", "--json"],
            "refresh of one node": [headgate, "refresh", "-e", "dev", "--include", f"{{ {last} }}"],
        }
        for number in range(arguments.runs + 1):
            for name, command in commands.items():
                if name.endswith("cold"):
                    shutil.rmtree(root / ".headgate" / "cache", ignore_errors=True)
                wall, cpu = timed(command, root)
                if number:
                    timings[name].wall.append(wall)
                    timings[name].cpu.append(cpu)
    if arguments.json:
        print(json.dumps({name: {"wall": t.wall, "cpu": t.cpu} for name, t in timings.items()}))
        return
    print(
        f"{'command':22} {'wall':>8} {'CPU':>8}   at most   ({arguments.nodes} nodes, median of {arguments.runs})"
    )
    for name, timing in timings.items():
        wall, cpu = statistics.median(timing.wall), statistics.median(timing.cpu)
        print(f"{name:22} {wall:7.3f}s {cpu:7.3f}s   {timing.limit}")


if __name__ == "__main__":
    main()
