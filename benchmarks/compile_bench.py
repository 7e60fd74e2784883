"""Times `compile` as whole processes over generated projects: cold, unchanged, one leaf changed.

    python benchmarks/compile_bench.py [--nodes 5000] [--small] [--repeat 5] [--json FILE]

A process is `python -c` that imports headgate and compiles; its start is part of the time. Prints medians.
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
from pathlib import Path

GENERATOR = Path(__file__).with_name("generate_project.py")
CODE = (
    "import sys; from pathlib import Path; from headgate.compile import compile_project;"
    "compile_project(Path(sys.argv[1]))"
)


def run(folder: Path) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds (helpers included) and peak MB of the largest process."""
    started = time.perf_counter()
    child = os.posix_spawn(sys.executable, [sys.executable, "-c", CODE, str(folder)], os.environ)
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - started
    if status:
        raise SystemExit(f"compile ended with {os.waitstatus_to_exitcode(status)}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def age(folder: Path) -> None:
    """Files older than the clock's grain are trusted by their stamps, as in a project that is worked on."""
    past = time.time() - 3600
    for path in folder.rglob("*.*"):
        if ".headgate" not in path.parts:
            os.utime(path, (past, past))


def cold(folder: Path, _number: int) -> None:
    shutil.rmtree(folder / ".headgate", ignore_errors=True)


def unchanged(_folder: Path, _number: int) -> None:
    pass


def leaf_changed(folder: Path, number: int) -> None:
    leaf = max((folder / "nodes/MART").glob("*.sql"))
    text = leaf.read_text()
    text = text.split("\n-- changed")[0].rstrip("\n") + f"\n-- changed {number}\n"
    leaf.write_text(text.replace(" as amount", f" as amount_{number}", 1) if number == 0 else text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--nodes", type=int, default=5_000)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    results: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size = ["--nodes", str(arguments.nodes), *(["--small"] if arguments.small else [])]
        subprocess.run([sys.executable, GENERATOR, folder, *size], check=True)
        age(folder)
        for title, prepare in (("cold", cold), ("unchanged", unchanged), ("leaf changed", leaf_changed)):
            runs = []
            for number in range(arguments.repeat):
                prepare(folder, number)
                runs.append(run(folder))
            names = ("wall_seconds", "cpu_seconds", "peak_mb")
            results[title] = {
                key: round(statistics.median(values), 3)
                for key, values in zip(names, zip(*runs, strict=True), strict=True)
            }
    kind = "small nodes" if arguments.small else "three-table joins"
    print(f"compile {arguments.nodes} nodes, {kind}, median of {arguments.repeat}, {os.cpu_count()} cores")
    print(f"{'':14}{'wall s':>8}{'CPU s':>8}{'peak MB':>9}")
    for title, row in results.items():
        print(f"{title:14}{row['wall_seconds']:8.2f}{row['cpu_seconds']:8.2f}{row['peak_mb']:9.0f}")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
