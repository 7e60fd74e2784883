"""Makes the eight TPC-H tables with tpchgen-cli and loads them into the example's DuckDB file.

The engine reads the files by itself; no row passes through Python.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.errors import Busy, HeadgateError, NotFound, UsageError

if TYPE_CHECKING:
    import duckdb

TABLES = ("region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem")
SCHEMA = "sample"
DATABASE = Path("data") / "dev.duckdb"

_GENERATOR = "tpchgen-cli"
_LARGEST_SCALE = 1000.0


def load_data(target: Path, scale: float, on_progress: Callable[[str], None]) -> dict[str, int]:
    """Fill the source tables of the project at `target`; scale 1 is about 1 GB of text. Rows by table.

    All tables are replaced in one transaction, so repeating it is safe and stopping it leaves what was there.
    Needs disk for the generated files until it returns. Raises UsageError `scale_invalid`, NotFound
    `generator_missing`, Busy `warehouse_locked` or HeadgateError `demo_data_failed`.
    """
    if not 0 < scale <= _LARGEST_SCALE:
        raise UsageError(
            "scale_invalid",
            f"the scale cannot be {scale:g}",
            hint=f"write a number above 0 and up to {_LARGEST_SCALE:g}; 0.1 takes a few seconds",
        )
    generator = find_generator()
    database = target / DATABASE
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".tpch-", dir=database.parent) as folder:
            on_progress(f"generating TPC-H at scale {scale:g}")
            generate(generator, scale, Path(folder))
            return _load(database, Path(folder), on_progress)
    except OSError as error:
        raise _failed(str(error)) from error


def find_generator() -> str:
    """The path of tpchgen-cli: beside the running Python first, because that is where it was installed with us."""
    beside = (Path(sys.executable).parent, Path(sysconfig.get_path("scripts")))
    path = os.pathsep.join([*map(str, beside), os.environ.get("PATH", os.defpath)])
    found = shutil.which(_GENERATOR, path=path)
    if found is None:
        raise NotFound(
            "generator_missing",
            f"{_GENERATOR}, which makes the demo's data, is not installed",
            hint=f"run `{Path(sys.executable).name} -m pip install {_GENERATOR}`",
        )
    return found


def generate(generator: str, scale: float, folder: Path) -> None:
    """Write `<table>.parquet` for every table into `folder`. The same scale gives the same rows."""
    command = [generator, "parquet", "--scale-factor", f"{scale:f}", "--output-dir", str(folder), "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise _failed(lines[-1] if lines else f"{_GENERATOR} ended with {done.returncode}")


def _load(database: Path, folder: Path, on_progress: Callable[[str], None]) -> dict[str, int]:
    import duckdb

    try:
        with duckdb.connect(str(database)) as connection:
            return _replace_tables(connection, folder, on_progress)
    except duckdb.IOException as error:
        if "lock" not in str(error).lower():
            raise _failed(_first_line(error)) from error
        raise Busy(
            "warehouse_locked",
            f"{database} is open in another process",
            hint="a DuckDB file has one process: wait for that one to end, or stop it",
        ) from error
    except duckdb.Error as error:
        raise _failed(_first_line(error)) from error


def _replace_tables(
    connection: duckdb.DuckDBPyConnection, folder: Path, on_progress: Callable[[str], None]
) -> dict[str, int]:
    counts: dict[str, int] = {}
    connection.execute("BEGIN")
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    for table in TABLES:
        file = str(folder / f"{table}.parquet").replace("'", "''")
        create = f"CREATE OR REPLACE TABLE {SCHEMA}.{table} AS SELECT * FROM read_parquet('{file}')"
        ((counts[table],),) = connection.execute(create).fetchall()
        on_progress(f"loaded {SCHEMA}.{table}, {counts[table]:,} rows")
    connection.execute("COMMIT")
    return counts


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _failed(reason: str) -> HeadgateError:
    return HeadgateError(
        "demo_data_failed",
        f"the demo's data could not be made: {reason}",
        hint="check that the disk has room for it, or take a smaller --scale",
    )
