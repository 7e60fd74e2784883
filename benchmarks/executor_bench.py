"""What the DAG executor itself adds to a step: 10,000 steps that send nothing, in layers.

python benchmarks/executor_bench.py [--nodes 10000] [--runs 5] [--json]
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import statistics
import tempfile
import time
from pathlib import Path

from headgate.engine.executor import Execution, execute
from headgate.model.project import WarehouseConfig
from headgate.model.steps import LateValues, Step, StepKind, StepOutcome
from headgate.warehouse.open import open_warehouse

NOW = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


class Nothing:
    def step_started(self, step: Step, at: dt.datetime) -> None: ...

    def step_finished(self, step: Step, outcome: StepOutcome, at: dt.datetime) -> None: ...


def steps_in_layers(nodes: int, layers: int = 20) -> list[Step]:
    width = max(1, nodes // layers)
    return [
        Step(
            id=f"N{number}",
            name=f"N{number}",
            kind=StepKind.SOURCE,
            depends_on=(f"N{number - width}", f"N{max(0, number - width - 1)}") if number >= width else (),
        )
        for number in range(nodes)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    steps = steps_in_layers(arguments.nodes)
    config = WarehouseConfig("duckdb", {"path": ":memory:"})
    results: dict[int, list[float]] = {1: [], 2: [], 16: []}
    with tempfile.TemporaryDirectory() as folder:
        warehouse = open_warehouse(config, root=Path(folder), label="bench")
        for parallelism, values in results.items():
            for _ in range(arguments.runs):
                late = LateValues("bench", 1, NOW)
                started = time.perf_counter()
                execute(steps, Execution(warehouse, Nothing(), late, lambda: NOW, parallelism=parallelism))
                values.append((time.perf_counter() - started) / arguments.nodes * 1000)
        warehouse.close()
    if arguments.json:
        print(json.dumps({"nodes": arguments.nodes, "ms_per_node": results}))
        return
    for parallelism, values in results.items():
        print(
            f"parallelism {parallelism:3}: {statistics.median(values):.4f} ms a node (median of {len(values)})"
        )


if __name__ == "__main__":
    main()
