"""Writes a project of N nodes in layers, for benchmarks.

python benchmarks/generate_project.py DIR --nodes 5000            three-table joins with headers
python benchmarks/generate_project.py DIR --nodes 1000 --small    one small table each
"""

from __future__ import annotations

import argparse
from pathlib import Path

SOURCES = 50
LAYERS = 10

_JOIN = """\
/*---
type: {type}
tags: [layer_{layer}]
columns:
  id: {{tests: [not_null]}}
---*/
with recent as (
    select id, amount, updated_at, status from {a} where status <> 'deleted'
)
select
    recent.id,
    b.customer_id,
    c.amount as other_amount,
    recent.amount + coalesce(c.amount, 0) as amount,
    cast(recent.updated_at as date) as updated_on,
    recent.updated_at,
    case when recent.amount > 100 then 'large' else recent.status end as status,
    row_number() over (partition by b.customer_id order by recent.updated_at desc) as place
from recent
join {b} as b on b.id = recent.id
left join {c} as c on c.id = recent.id and c.amount > {number}
where b.customer_id is not null
"""

_SMALL = "select id, amount + {number} as amount, status from {a}\n"


def generate(folder: Path, *, nodes: int, small: bool = False) -> None:
    """Write the project. The same arguments give the same files."""
    for name in ("environments", "nodes/RAW", "nodes/STG", "nodes/MART"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "headgate.yml").write_text(
        "name: generated\ndialect: duckdb\nlocations: [RAW, STG, MART]\ndefault_location: STG\n"
    )
    (folder / "environments/dev.yml").write_text(
        "id: 1\nname: dev\nwarehouse: {type: duckdb, path: dev.duckdb}\n"
        "mappings: {RAW: {schema: raw}, STG: {schema: stg}, MART: {schema: mart}}\n"
    )
    types = "{id: {type: bigint}, customer_id: {type: bigint}, amount: {type: 'decimal(18, 2)'}, "
    types += "updated_at: {type: timestamp}, status: {type: varchar}}"
    sources = "".join(f"SOURCE_{index:03}:\n  columns: {types}\n" for index in range(SOURCES))
    (folder / "nodes/RAW/sources.yml").write_text(sources)
    width = max(nodes // LAYERS, 1)
    for number in range(nodes):
        layer = min(number // width, LAYERS - 1)
        location = "MART" if layer == LAYERS - 1 else "STG"
        parents = [_parent(number, layer, width, step) for step in (0, 1, 7)]
        values = {"layer": layer, "number": number, "type": "fact" if location == "MART" else "stage"}
        text = (_SMALL if small else _JOIN).format(a=parents[0], b=parents[1], c=parents[2], **values)
        (folder / f"nodes/{location}/NODE_{number:05}.sql").write_text(text)


def _parent(number: int, layer: int, width: int, step: int) -> str:
    if layer == 0:
        return f"RAW.SOURCE_{(number + step) % SOURCES:03}"
    return f"STG.NODE_{(layer - 1) * width + (number + step) % width:05}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--nodes", type=int, default=5_000)
    parser.add_argument("--small", action="store_true", help="one small table each")
    arguments = parser.parse_args()
    generate(arguments.folder, nodes=arguments.nodes, small=arguments.small)


if __name__ == "__main__":
    main()
