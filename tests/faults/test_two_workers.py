"""Two workers on one PostgreSQL, one of which is killed, or cut off from the state, in the middle of a run."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import psycopg
import pytest
from tests.contract.store.conftest import address
from tests.faults.conftest import NewPlace
from tests.faults.crashing import Forker, Order, Process
from tests.faults.network import Wire
from tests.faults.places import PATIENCE_SECONDS, Place, Reader

from headgate.model.runs import Run, RunStatus
from headgate.model.steps import StepStatus

LEASE_SECONDS = 4
SLACK_SECONDS = 4.0
"""What a look at the queue, a claim and a busy machine may cost beside the lease."""

WAITS_FOR_LOCK = """SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%stg%b%'"""


class Floor:
    """A place with workers, in whose second step (STG.B) a run is held up as long as `held` lasts."""

    def __init__(self, place: Place, forker: Forker) -> None:
        self.place = place
        self.url = address(place.config.options["url"], place.config.options["database"])
        self._forker = forker
        self.processes: dict[str, Process] = {}

    def start_worker(self, host: str, url: str | None = None) -> Process:
        return self.start(("worker",), host, url or self.url)

    def start(self, command: tuple[str, ...], host: str, url: str) -> Process:
        environ = {
            **self.place.environ,
            "HEADGATE_DATABASE_URL": url,
            "HEADGATE_LEASE_SECONDS": str(LEASE_SECONDS),
        }
        order = Order(command, str(self.place.root), str(self.place.root / host), environ, host=host)
        (self.place.root / host).touch()
        self.processes[host] = self._forker.start(order)
        return self.processes[host]

    def output(self, host: str) -> str:
        return (self.place.root / host).read_text()

    @contextmanager
    def held(self) -> Iterator[None]:
        with psycopg.connect(self.url) as connection, connection.transaction():
            connection.execute("LOCK TABLE stg.b IN ACCESS EXCLUSIVE MODE")
            yield

    def waits(self, run: Run) -> bool:
        """Whether a worker is held up, and has written that down: nothing else of it is on its way then."""
        statuses = {row.step_id: row.status for row in self.place.store.steps.list(run.id)}
        return statuses.get("STG.B") is StepStatus.RUNNING and self.blocked()

    def blocked(self) -> bool:
        with psycopg.connect(self.url) as connection:
            return connection.execute(WAITS_FOR_LOCK).fetchall() != [(0,)]

    def lease_left(self, run: Run) -> float:
        """Seconds until the lease of a run is over, by the clock that all agree on."""
        with self.place.store.database.read() as connection:
            row = connection.row("SELECT lease_until FROM work WHERE run_id = :id", {"id": run.id})
        assert row is not None
        return float((row[0] or 0) - self.place.store.now_micros()) / 1_000_000

    def until(self, condition: Callable[[], bool]) -> None:
        give_up_at = monotonic() + PATIENCE_SECONDS
        while not condition():
            told = {host: self.output(host) for host in self.processes}
            assert monotonic() < give_up_at, (self.place.store.runs.open(), told)
            self.place.store.wakeups.wait(0.02)

    def ended(self, run: Run) -> bool:
        return self.place.store.runs.get(run.id).status.final

    def claims(self, run: Run) -> list[float]:
        """When the run was claimed, each time."""
        events = self.place.store.events.read(run_id=run.id, limit=1000)
        moves = (event for event in events if event.kind == "run_status")
        return [move.at.timestamp() for move in moves if move.data["status"] == "running"]

    def stop(self) -> None:
        for host, process in self.processes.items():
            if process.code is None:
                process.send(signal.SIGTERM)
                assert process.end() == 0, self.output(host)
            assert "Traceback" not in self.output(host)


@pytest.fixture
def floor(new_place: NewPlace, forker: Forker) -> Iterator[Floor]:
    place = new_place("shared")
    floor = Floor(place, forker)
    with place.opened():
        yield floor
        for process in floor.processes.values():
            if process.code is None:
                process.send(signal.SIGKILL)
                process.end()


def assert_as_undisturbed(floor: Floor, run: Run, reader: Reader, new_place: NewPlace) -> None:
    place = floor.place
    assert place.store.runs.get(run.id).status is RunStatus.SUCCEEDED
    place.assert_sound()
    reader.assert_all(place.store)
    twin = new_place("shared")
    with twin.opened():
        twin.enter_refresh()
        twin.recover()
    assert place.contents() == twin.contents()


@pytest.mark.crash
def test_run_of_a_killed_worker_is_ended_by_the_other_within_a_lease(
    floor: Floor, new_place: NewPlace
) -> None:
    reader = Reader()
    with floor.held():
        run = floor.place.enter_refresh()
        first = floor.start_worker("one")
        floor.until(lambda: floor.waits(run))
        floor.start_worker("two")
        reader.read(floor.place.store)
        killed_at = floor.place.store.now().timestamp()
        first.send(signal.SIGKILL)
        assert first.end() == -signal.SIGKILL
        floor.until(lambda: len(floor.claims(run)) == 2)
        assert floor.claims(run)[1] - killed_at < LEASE_SECONDS + SLACK_SECONDS
    floor.until(lambda: floor.ended(run))
    floor.stop()
    assert_as_undisturbed(floor, run, reader, new_place)


@pytest.mark.parametrize("silent", [True, False])
def test_worker_that_is_cut_off_stops_before_its_lease_is_over_and_another_goes_on(
    floor: Floor, new_place: NewPlace, silent: bool
) -> None:
    reader = Reader()
    wire = Wire(floor.url)
    with floor.held():
        run = floor.place.enter_refresh()
        floor.start_worker("one", wire.url)
        floor.until(lambda: floor.waits(run))
        wire.cut(silent=silent)
        floor.until(lambda: not floor.blocked())
        assert floor.lease_left(run) > 0
        assert floor.claims(run) == floor.claims(run)[:1]  # it is still the first one's
        floor.start_worker("two")
        floor.until(lambda: floor.waits(run))
    floor.until(lambda: floor.ended(run))
    assert len(floor.claims(run)) == 2
    wire.mend()
    floor.until(lambda: "lease" in floor.output("one") or "no longer belongs" in floor.output("one"))
    floor.stop()
    assert_as_undisturbed(floor, run, reader, new_place)
    wire.close()


def test_command_that_is_cut_off_stops_and_its_rerun_does_the_rest(floor: Floor, new_place: NewPlace) -> None:
    reader = Reader()
    wire = Wire(floor.url)
    place = floor.place
    with floor.held():
        process = floor.start(("refresh", "-e", "dev"), "one", wire.url)
        floor.until(lambda: bool(place.store.runs.open()))
        run = place.store.runs.open()[0][0]
        floor.until(lambda: floor.waits(run))
        wire.cut(silent=False)
        floor.until(lambda: not floor.blocked())
        assert floor.lease_left(run) > 0
        wire.mend()
        assert process.end() == 1
    assert "did not answer" in floor.output("one")
    failed = place.store.runs.get(run.id)
    assert failed.status is RunStatus.FAILED
    assert failed.error is not None
    again = place.rerun(run.id)
    assert again is not None
    assert_as_undisturbed(floor, again, reader, new_place)
    wire.close()


def test_worker_that_was_cut_off_for_a_moment_keeps_its_run(floor: Floor, new_place: NewPlace) -> None:
    reader = Reader()
    wire = Wire(floor.url)
    with floor.held():
        run = floor.place.enter_refresh()
        floor.start_worker("one", wire.url)
        floor.until(lambda: floor.waits(run))
        floor.start_worker("two")
        wire.cut(silent=False)
        wire.mend()
    floor.until(lambda: floor.ended(run))
    floor.stop()
    assert len(floor.claims(run)) == 1
    assert_as_undisturbed(floor, run, reader, new_place)
    wire.close()
