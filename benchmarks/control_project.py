"""The project that the control plane's benchmarks serve: one tiny table, so that what is measured is not the data."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from servers import HEADGATE

FILES = {
    "headgate.yml": "name: bench\ndialect: duckdb\nlocations: [STG]\ndefault_location: STG\n",
    "environments/dev.yml": "id: 1\nname: dev\nwarehouse: {type: duckdb, path: data/dev.duckdb}\n"
    "mappings: {STG: {schema: stg}}\n",
    "jobs/one.yml": 'id: 4\nname: one\nrefresh: {include: "{ ONE }"}\n',
    "nodes/STG/ONE.sql": "select 1 as id\n",
}


def write_project(root: Path) -> None:
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def deployed_project(root: Path, environ: dict[str, str]) -> Path:
    write_project(root)
    subprocess.run(
        [*HEADGATE, "deploy", "-e", "dev", "--yes"],
        cwd=root,
        env={**os.environ, **environ},
        check=True,
        capture_output=True,
    )
    return root
