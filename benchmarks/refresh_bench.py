"""Refresh against raw DuckDB executing the identical statements in order, and a bare CREATE TABLE AS loop.

    python benchmarks/refresh_bench.py [--nodes 1000] [--runs 5] [--project DIR] [--dbt PATH] [--json]

Every contestant is a whole process, started in turn (A B C, A B C, …), so that a drift of the machine's speed
hits all alike. The raw contestant executes BEGIN, the load, the checks, the marker and COMMIT of every step, one
after the other on one connection, and closes its file as Headgate does. Medians are what to quote. `--dbt` names a
`dbt` command with dbt-duckdb beside it (an environment of its own: its pins differ); it builds the same tables from
the same queries, without the test, on four threads.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from headgate.interval import Interval, due_ranges
from headgate.model.steps import Statement, Step

RAW = """
import json, sys, duckdb
path, steps = sys.argv[1], json.load(open(sys.argv[2]))
con = duckdb.connect(path, config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"})
con.execute("SET TimeZone='UTC'")
marker = "INSERT INTO _headgate.commits VALUES ($1, $2, 1, $3, $4, now()::timestamp)"
run = "raw" + sys.argv[3]
for step in steps:
    if not step["table"]:
        for sql in step["sql"]:
            con.execute(sql).fetchall()
        continue
    con.execute("BEGIN TRANSACTION")
    for sql in step["sql"]:
        con.execute(sql).fetchall()
    con.execute(marker, [run, step["id"], step["table"], 1])
    con.execute("COMMIT")
con.close()
"""

BARE = """
import json, sys, duckdb
con = duckdb.connect(sys.argv[1])
for step in json.load(open(sys.argv[2])):
    for sql in step["sql"]:
        if sql.startswith("CREATE OR REPLACE TABLE"):
            con.execute(sql)
con.close()
"""


def write_project(root: Path, nodes: int, layers: int = 10) -> None:
    """`nodes` tiny tables in `layers` layers, each but the first joining two of the layer above, with a test."""
    for folder in ("environments", "nodes/STG", "jobs"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "headgate.yml").write_text(
        "name: bench\ndialect: duckdb\nlocations: [STG]\ndefault_location: STG\n"
    )
    (root / "environments/dev.yml").write_text(
        "id: 1\nname: dev\nwarehouse: {type: duckdb, path: data/dev.duckdb}\nmappings: {STG: {schema: stg}}\n"
    )
    (root / "jobs/all.yml").write_text('id: 4\nname: all\nrefresh: {include: "{ * }"}\n')
    width = nodes // layers
    for number in range(nodes):
        layer = number // width
        if layer == 0:
            query = f"select i as id, i * {number} as v from range(10) t(i)"
        else:
            left, right = number - width, (layer - 1) * width + (number * 7) % width
            query = (
                f"select a.id, a.v + b.v as v from STG.N{left:05d} a join STG.N{right:05d} b on a.id = b.id"
            )
        header = "/*---\ntests: [{row_count: {min: 1}}]\n---*/\n"
        (root / f"nodes/STG/N{number:05d}.sql").write_text(f"{header}{query}\n")


def write_dbt_project(root: Path, nodes: Path) -> None:
    """The generated nodes as dbt models of the same queries."""
    (root / "models").mkdir(parents=True)
    (root / "dbt_project.yml").write_text(
        "name: bench\nprofile: bench\nversion: '1.0'\nmodels: {bench: {+materialized: table}}\n"
    )
    (root / "profiles.yml").write_text(
        "bench: {target: dev, outputs: {dev: {type: duckdb, path: dbt.duckdb, threads: 4}}}\n"
    )
    for file in nodes.glob("*.sql"):
        query = file.read_text().partition("---*/\n")[2]
        model = re.sub(r"STG\.(N\d+)", r"{{ ref('\1') }}", query)
        (root / "models" / file.name).write_text(model)


def dump_steps(root: Path, path: Path, job_id: int | None) -> int:
    """Write the deployed steps' finished SQL, in dependency order, for the raw contestants."""
    from headgate.model.runs import RunRequest
    from headgate.selection import requested_selection
    from headgate.store.content import Content
    from headgate.store.store import Store

    with Store.open(root / ".headgate/state.db") as store:
        deployment = store.deployments.current(1)
        assert deployment is not None
        content = Content(store, deployment)
        catalog = content.catalog()
        ids = requested_selection(catalog, job_id, RunRequest()).ids
        from headgate.graph import order

        ordered = [name for name in order({n.id: n.depends_on for n in catalog.nodes}) if name in set(ids)]
        steps = content.steps(ordered)
    dumped = [
        {
            "id": step.id,
            "table": str(step.table) if step.table else None,
            "sql": [text for statement in step.statements for text in texts(step, statement)],
        }
        for step in steps.values()
    ]
    path.write_text(json.dumps(dumped))
    return len(dumped)


def texts(step: Step, statement: Statement) -> list[str]:
    """The statement as a refresh sends it when all intervals are done: once per range that `lookback` reloads,
    with the late values as constants."""
    now = dt.datetime.now(dt.UTC)
    values = [{"run_started_at": now}]
    if statement.each_interval:
        assert step.load is not None
        assert step.load.interval is not None
        start = dt.datetime.fromisoformat(str(step.load.start)).replace(tzinfo=dt.UTC)
        ranges = due_ranges(
            start=start,
            now=now,
            interval=Interval.parse(step.load.interval),
            done=[(start, now)],
            lookback=step.load.lookback,
            max_intervals=step.load.max_intervals,
        )
        values = [{"from": begin, "to": end} for begin, end in ranges]
    found = []
    for bounds in values:
        text = statement.sql
        for name, instant in bounds.items():
            text = text.replace(f"$hg_{name}", f"TIMESTAMPTZ '{instant.isoformat()}'")
        found.append(text)
    return found


def timed(command: list[str], cwd: Path) -> float:
    started = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command[:4])} failed:\n{done.stderr[-2000:]}")
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument(
        "--project", type=Path, help="an existing, deployed project instead of a generated one"
    )
    parser.add_argument("--job", type=int, help="the job to refresh (default: everything)")
    parser.add_argument("--dbt", type=Path, help="a dbt command to measure beside, run once")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = arguments.project.resolve() if arguments.project else Path(folder) / "project"
        headgate = [str(Path(sys.executable).with_name("headgate"))]
        if arguments.project is None:
            write_project(root, arguments.nodes)
            timed([*headgate, "deploy", "-e", "dev", "--yes"], root)
        steps = Path(folder) / "steps.json"
        count = dump_steps(root, steps, arguments.job)
        job = ["-j", str(arguments.job)] if arguments.job is not None else []
        contestants = {
            "headgate": [*headgate, "refresh", "-e", "dev", *job],
            "raw": [sys.executable, "-c", RAW, "data/dev.duckdb", str(steps)],
            "bare CTAS": [sys.executable, "-c", BARE, "data/dev.duckdb", str(steps)],
        }
        results: dict[str, list[float]] = {name: [] for name in contestants}
        for number in range(arguments.runs + 1):
            for name, command in contestants.items():
                extra = [f"{time.time_ns()}"] if name == "raw" else []
                seconds = timed([*command, *extra], root)
                if number:  # the first round warms the caches
                    results[name].append(seconds)
        if arguments.dbt is not None:
            peer = Path(folder) / "dbt"
            write_dbt_project(peer, root / "nodes/STG")
            dbt = [str(arguments.dbt), "run", "--profiles-dir", ".", "--quiet"]
            results["dbt"] = [timed(dbt, peer)]
    report(results, count, as_json=arguments.json)


def report(results: dict[str, list[float]], count: int, *, as_json: bool) -> None:
    medians = {name: statistics.median(values) for name, values in results.items()}
    pairs = [h / r for h, r in zip(results["headgate"], results["raw"], strict=True)]
    if as_json:
        print(json.dumps({"nodes": count, "seconds": results, "ratio_to_raw": pairs}))
        return
    print(f"{count} nodes, median of {len(pairs)} runs")
    for name, median in medians.items():
        values = results[name]
        print(
            f"{name:12} {median:7.3f} s  {median / count * 1000:6.2f} ms a node"
            f"  (min {min(values):.3f}, max {max(values):.3f})"
        )
    print(f"headgate / raw, pair by pair: median {statistics.median(pairs):.2f}")


if __name__ == "__main__":
    main()
