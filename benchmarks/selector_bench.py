"""How long one selection over 10,000 nodes takes, parsing and indexing included.

    python benchmarks/selector_bench.py [--nodes 10000] [--repeat 9] [--json]

Prints a table, or JSON with --json; exits 1 where a median is above the 20 ms that the design promises.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import time

from headgate.model.bound import Catalog, Selectable
from headgate.model.project import Job, RefreshWorkload
from headgate.selector import select

LIMIT_MS = 20.0
LAYERS = 10


def catalog(count: int) -> Catalog:
    """`count` nodes in ten layers, each needing three of the layer below."""
    width = count // LAYERS
    nodes = []
    for number in range(count):
        layer, place = divmod(number, width)
        below = [f"L{layer - 1}.NODE_{layer - 1}_{(place * 7 + k * 13) % width:05}" for k in range(3)]
        nodes.append(
            Selectable(
                id=f"L{layer}.NODE_{layer}_{place:05}",
                name=f"NODE_{layer}_{place:05}",
                location=f"L{layer}",
                node_type=("stage", "dimension", "fact")[number % 3],
                path=f"nodes/L{layer}/NODE_{layer}_{place:05}.sql",
                tags=("daily",) if number % 5 else ("daily", "slow"),
                depends_on=tuple(sorted(set(below))) if layer else (),
            )
        )
    nightly = RefreshWorkload(include="{ location: L9 }+ OR +{ name: NODE_8_0000? }", exclude="{ tag: slow }")
    return Catalog(
        tuple(nodes),
        subgraphs={"half": tuple(node.id for node in nodes[: count // 2])},
        jobs={4: Job(id=4, name="nightly", refresh=nightly, path="jobs/nightly.yml")},
    )


CASES = {
    "one node": ("{ location: L5 name: NODE_5_00042 }", ""),
    "one node with all upstream": ("+{ NODE_9_00042 }", ""),
    "a location with all downstream": ("{ location: L0 }+", ""),
    "both ways, by depth": ("2+{ location: L5 }+2", ""),
    "globs over names": ("{ name: *_1_* } OR { name: *[13579] } OR { name: NODE_*_0*9 }", ""),
    "operators": ("({ tag: daily } OR { nodeType: fact }) AND NOT +{ subgraph: half }", "{ path: */L7/* }"),
    "a job": ("{ job: nightly }", ""),
    "100 blocks": (
        " OR ".join(f"{{ location: L{i % 10} name: NODE_{i % 10}_{i:05} }}" for i in range(100)),
        "",
    ),
    "100 blocks with upstream": (" OR ".join(f"+{{ NODE_9_{i:05} }}" for i in range(100)), ""),
    "a name that misses": ("{ name: NODE_5_0042X }", ""),
}


def measure(nodes: Catalog, include: str, exclude: str, repeat: int) -> tuple[float, int]:
    """Median milliseconds of one whole selection, and how many nodes it selects."""
    times = []
    for _ in range(repeat):
        gc.collect()
        began = time.perf_counter()
        selection = select(nodes, include, exclude)
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times), len(selection.ids)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--nodes", type=int, default=10_000)
    arguments.add_argument("--repeat", type=int, default=9)
    arguments.add_argument("--json", action="store_true")
    options = arguments.parse_args()
    nodes = catalog(options.nodes)
    results = []
    for case, (include, exclude) in CASES.items():
        median, selected = measure(nodes, include, exclude, options.repeat)
        results.append({"case": case, "median_ms": round(median, 2), "selected": selected})
    if options.json:
        print(json.dumps({"nodes": options.nodes, "repeat": options.repeat, "results": results}, indent=2))
    else:
        print(f"{'selector over ' + str(options.nodes) + ' nodes':<34}{'ms':>8}{'selected':>10}")
        for result in results:
            print(f"{result['case']:<34}{result['median_ms']:>8}{result['selected']:>10}")
    return int(any(float(str(result["median_ms"])) > LIMIT_MS for result in results))


if __name__ == "__main__":
    sys.exit(main())
