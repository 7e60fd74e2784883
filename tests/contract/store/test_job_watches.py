"""Watches over the job log: what is written moves a job's state, and every change is told once."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contract.store.conftest import OpenStore
from tests.contract.store.samples import Clock

from headgate.errors import NotFound, Refused
from headgate.joblog.refusal import Refusal
from headgate.joblog.runs import Begin, Finish, Overlap
from headgate.joblog.tree import Compare, Comparison
from headgate.joblog.verdict import Seen, judge
from headgate.joblog.watch import Records, State, Watch
from headgate.store import Store
from headgate.store.audit import Actor
from headgate.store.job_log import Written
from headgate.store.job_watches import Defined, newest

ME = Actor("me")
DAILY = Watch(every=86_400.0, grace=3_600.0)
HOUR_MICROS = 3_600_000_000
START = {"state": "new", "records": "usual"}
EXPECTED = (
    Watch(every=3_600.0, grace=60.0),
    Watch(cron="0 * * * *"),
    Watch(stale_after=600.0, close_stale=True),
    Watch(every=86_400.0, records=Records.SOME),
)


def ran(store: Store, name: str = "orders", status: str = "success", records: int | None = None) -> None:
    standing = store.job_log_runs.begin(Begin(name))
    assert standing.record is not None
    store.job_log_runs.finish(Finish(standing.record.id, status, records_processed=records))


def record(store: Store, **values: Any) -> dict[str, Any]:
    base = {"name": "orders", "start_date": store.now_micros(), "end_date": None, "message": None}
    return {
        **base,
        "status": "in_progress",
        "records_processed": None,
        "source": "",
        "destination": "",
        **values,
    }


def insert(store: Store, *records: dict[str, Any]) -> None:
    store.job_log.insert(records, list(records[0]), names=None, merge=None, check=lambda _: None)


def changes(store: Store) -> list[tuple[str, str, bool]]:
    """What was told of all jobs, oldest first."""
    found = store.job_watch_looks.changes()[::-1]
    return [(one.name, f"{one.before}>{one.after}", one.alert) for one in found]


def test_record_that_is_being_written_while_its_watch_is_made_is_heard_of(store: Store, clock: Clock) -> None:
    failed = record(store, status="error", end_date=store.now_micros())
    with ThreadPoolExecutor() as pool:
        making: list[Future[None]] = []

        def make_watch() -> None:
            store.job_watches.set("orders", DAILY, by=ME)
            store.job_watch_looks.look()

        def meanwhile(_: Written) -> None:
            making.append(pool.submit(make_watch))
            wait(making, 1)  # where many write at once it is made now; else its turn comes after the record's

        store.job_log.insert([failed], list(failed), names=None, merge=None, check=meanwhile)
        making[0].result()
    clock.advance(seconds=61)
    store.job_watch_looks.look()
    assert changes(store) == [("orders", "new>down", True)]


def test_a_job_goes_through_its_states_and_each_change_is_told_once(store: Store, clock: Clock) -> None:
    store.job_watches.set("orders", DAILY, by=ME)
    looks = store.job_watch_looks
    assert looks.look() == []
    ran(store)
    assert [one.after for one in looks.look()] == ["up"]
    assert looks.look() == []
    clock.advance(days=1)
    assert [one.after for one in looks.look()] == ["late"]
    clock.advance(hours=1)
    assert [one.after for one in looks.look()] == ["down"]
    clock.advance(days=3)
    assert looks.look() == []
    ran(store)
    looks.look()
    expected = [("new>up", False), ("up>late", False), ("late>down", True), ("down>up", True)]
    assert changes(store) == [("orders", *one) for one in expected]
    events = [event.data for event in store.events.read(limit=100) if event.kind == "job_watch_changed"]
    assert [(one["after"], one["alert"]) for one in events] == [
        ("up", False),
        ("late", False),
        ("down", True),
        ("up", True),
    ]


def test_an_error_alerts_at_once_and_a_second_one_not_again(store: Store, clock: Clock) -> None:
    store.job_watches.set("orders", Watch(), by=ME)
    for status in ("success", "error", "error", "success"):
        clock.advance(minutes=1)
        ran(store, status=status)
        store.job_watch_looks.look()
    assert [one for one in changes(store) if one[2]] == [
        ("orders", "up>down", True),
        ("orders", "down>up", True),
    ]


def test_records_of_other_clients_are_looked_at_as_well(store: Store) -> None:
    store.job_watches.set("orders", Watch(), by=ME)
    insert(store, record(store, status="error"), record(store, name="others"))
    assert [one.after for one in store.job_watch_looks.look()] == ["down"]
    by_name = [Comparison("name", Compare.EQUAL, "orders")]
    store.job_log.update(by_name, {"status": "success"}, names=None, check=lambda _: None)
    assert [one.after for one in store.job_watch_looks.look()] == ["up"]
    store.job_log.delete(by_name, names=None, check=lambda _: None)
    assert [one.after for one in store.job_watch_looks.look()] == ["new"]


def test_a_job_that_its_records_leave_is_looked_at_as_well(store: Store) -> None:
    store.job_watches.set("orders", Watch(), by=ME)
    store.job_watches.set("sales", Watch(), by=ME)
    insert(store, record(store, id=1, status="error"))
    store.job_watch_looks.look()
    by_id = [Comparison("id", Compare.EQUAL, "1")]
    store.job_log.update(by_id, {"name": "sales"}, names=None, check=lambda _: None)
    assert {one.name: one.after for one in store.job_watch_looks.look()} == {"orders": "new", "sales": "down"}
    back = record(store, id=1, status="error")
    store.job_log.insert([back], list(back), names=None, merge=True, check=lambda _: None)
    assert {one.name: one.after for one in store.job_watch_looks.look()} == {"orders": "down", "sales": "new"}


def test_what_a_state_holds_already_is_judged_when_a_watch_is_made(store: Store, clock: Clock) -> None:
    ran(store)
    clock.advance(days=5)
    store.job_watches.set("orders", DAILY, by=ME)
    store.job_watch_looks.look()
    assert changes(store) == [("orders", "new>down", True)]
    store.job_watches.set("orders", Watch(every=6 * 86_400.0), by=ME)
    store.job_watch_looks.look()
    assert changes(store)[1:] == [("orders", "down>up", True)]


def test_unusual_counts_alert_once_and_once_when_they_are_usual_again(store: Store, clock: Clock) -> None:
    store.job_watches.set("orders", Watch(), by=ME)
    for count in (100, 110, 90, 105, 95, 0, 0, 100):
        clock.advance(minutes=1)
        ran(store, records=count)
        store.job_watch_looks.look()
    told = [one for one in changes(store) if one[2]]
    assert told == [("orders", "usual>unusual", True), ("orders", "unusual>usual", True)]
    watched = store.job_watches.get("orders")
    assert (watched.state, watched.unusual) == (State.UP, False)
    assert store.job_watches.trend("orders").records == (100, 110, 90, 105, 95, 0, 0, 100)


def test_a_stale_run_is_shown_and_ended_where_its_watch_says_so(store: Store, clock: Clock) -> None:
    store.job_watches.set("orders", Watch(stale_after=3_600.0, close_stale=True), by=ME)
    store.job_watches.set("others", Watch(stale_after=3_600.0), by=ME)
    for name in ("orders", "others", "unwatched"):
        insert(store, record(store, name=name))
    store.job_watch_looks.look()
    clock.advance(hours=1)
    assert {one.name for one in store.job_watches.stale()} == {"orders", "others"}
    store.job_watch_looks.look()
    assert [one.name for one in store.job_watches.stale()] == ["others"]
    clock.advance(days=1)
    assert {one.name for one in store.job_watches.stale()} == {"others", "unwatched"}
    assert [one.name for one in store.job_watches.stale(names=frozenset({"unwatched"}))] == ["unwatched"]
    ended = store.job_log_runs.about("orders").record
    assert ended is not None
    assert (ended.status, ended.message) == (
        "error",
        "ended by its watch: still in progress after 3,600 seconds",
    )
    told = [event.data["name"] for event in store.events.read(limit=100) if event.kind == "job_log_recorded"]
    assert told == ["orders"]
    assert {name: change for name, change, alert in changes(store) if alert} == {
        "orders": "new>down",
        "others": "new>down",
    }


def test_a_paused_job_alerts_nobody_and_closes_nothing(store: Store, clock: Clock) -> None:
    watch = Watch(every=3_600.0, stale_after=60.0, close_stale=True)
    store.job_watches.set("orders", watch, by=ME)
    ran(store)
    insert(store, record(store))
    store.job_watch_looks.look()
    store.job_watches.pause("orders", paused=True, by=ME)
    clock.advance(days=9)
    store.job_watch_looks.look()
    assert [change for _, change, _ in changes(store)] == ["new>up", "up>paused"]
    assert len(store.job_watches.stale()) == 1
    watched = store.job_watches.pause("orders", paused=False, by=ME)
    assert watched.resumed_at == store.now_micros()
    store.job_watch_looks.look()
    store.job_watch_looks.look()
    assert changes(store)[2:] == [("orders", "paused>down", True)]  # by the stale run, which is ended now


def test_two_who_look_at_the_same_time_tell_of_a_change_once(open_store: OpenStore, clock: Clock) -> None:
    stores = [open_store(), open_store()]
    for number in range(20):
        stores[0].job_watches.set(f"job{number}", Watch(), by=ME)
        ran(stores[0], f"job{number}", "error")
    barrier = threading.Barrier(2)
    found: list[int] = []

    def look(store: Store) -> None:
        barrier.wait()
        found.append(len(store.job_watch_looks.look()))

    threads = [threading.Thread(target=look, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(found) == 20
    assert len(changes(stores[0])) == 20


def test_a_record_that_comes_between_look_and_word_is_not_lost(store: Store) -> None:
    store.job_watches.set("orders", Watch(), by=ME)
    watched = store.job_watches.get("orders")
    ran(store, status="error")
    assert store.job_watch_looks._settle(watched, store.now_micros()) == []  # judged by what was there before
    assert [one.after for one in store.job_watch_looks.look()] == ["down"]


def test_a_watch_that_is_made_anew_meanwhile_is_judged_by_itself(store: Store, clock: Clock) -> None:
    watches = store.job_watches
    ran(store, status="error")
    watches.set("orders", Watch(every=60.0), by=ME)
    held = watches.get("orders")
    watches.remove("orders", by=ME)
    clock.advance(seconds=1)
    watches.set("orders", Watch(), by=ME)
    assert store.job_watch_looks._settle(held, store.now_micros()) == []
    assert watches.get("orders").state is State.NEW


def test_a_run_is_not_ended_by_a_watch_that_says_so_no_more(store: Store, clock: Clock) -> None:
    store.job_watches.set("orders", Watch(close_stale=True), by=ME)
    store.job_log_runs.begin(Begin("orders"))
    clock.advance(days=2)
    held = store.job_watches.get("orders")
    store.job_watches.set("orders", Watch(), by=ME)
    store.job_watch_looks._settle(held, store.now_micros())
    assert [run.status for run in store.job_watches.stale()] == ["in_progress"]


def test_a_clock_that_went_ahead_keeps_nobody_waiting(store: Store, clock: Clock) -> None:
    store.job_watches.set("orders", DAILY, by=ME)
    ran(store)
    clock.advance(days=400)
    assert [one.after for one in store.job_watch_looks.look()] == ["down"]
    clock.advance(days=-400)
    assert [one.after for one in store.job_watch_looks.look()] == ["up"]
    assert store.job_watch_looks.look() == []


def test_a_job_that_cannot_be_judged_keeps_no_other_one_from_it(store: Store, clock: Clock) -> None:
    store.job_watches.set("martian", Watch(cron="0 6 * * *", timezone="Mars/Base"), by=ME)
    store.job_watches.set("orders", Watch(), by=ME)
    ran(store, status="error")
    assert [one.name for one in store.job_watch_looks.look()] == ["orders"]
    assert store.job_watches.get("martian").reason == "it cannot be judged: there is no time zone 'Mars/Base'"
    assert store.job_watch_looks.look() == []


def test_counts_of_a_pause_alert_nobody_when_it_is_over(store: Store, clock: Clock) -> None:
    store.job_watches.set("orders", Watch(), by=ME)
    for count in (100, 110, 90, 105, 95):
        clock.advance(minutes=1)
        ran(store, records=count)
    store.job_watches.pause("orders", paused=True, by=ME)
    clock.advance(minutes=1)
    ran(store, records=0)
    store.job_watch_looks.look()
    clock.advance(minutes=1)
    store.job_watches.pause("orders", paused=False, by=ME)
    store.job_watch_looks.look()
    assert [one for one in changes(store) if one[2]] == []
    clock.advance(minutes=1)
    ran(store, records=0)
    store.job_watch_looks.look()
    assert [one for one in changes(store) if one[2]] == [("orders", "usual>unusual", True)]


def test_watches_of_a_file_are_as_the_file_says(store: Store) -> None:
    watches = store.job_watches
    watches.set("orders", Watch(), by=ME)
    file = Defined(DAILY, "shop", "watches/crm.yml")
    watches.apply("shop", {"orders": file, "customers": file}, by=ME)
    assert [(one.name, one.project) for one in watches.page()] == [("customers", "shop"), ("orders", "shop")]
    for refused in (
        lambda: watches.set("orders", Watch(), by=ME),
        lambda: watches.remove("orders", by=ME),
        lambda: watches.apply("other", {"orders": Defined(DAILY, "other", "watches/x.yml")}, by=ME),
    ):
        with pytest.raises(Refused) as caught:
            refused()
        assert caught.value.code in ("watch_read_only", "watch_taken")
    assert watches.pause("orders", paused=True, by=ME).paused
    before = store.database.transaction_count
    version = watches.get("orders").version
    watches.apply("shop", {"orders": file}, by=ME)
    assert [one.name for one in watches.page()] == ["orders"]
    assert (watches.get("orders").version, watches.get("orders").paused) == (version, True)
    assert store.database.transaction_count == before + 1
    with pytest.raises(NotFound) as missing:
        watches.get("customers")
    assert missing.value.code == "watch_not_found"


def test_lists_are_paged_and_narrowed(store: Store) -> None:
    for name in ("a", "b", "c", "d"):
        store.job_watches.set(name, Watch(), by=ME)
    ran(store, "b", "error")
    ran(store, "c")
    store.job_watch_looks.look()
    watches = store.job_watches
    assert [one.name for one in watches.page(limit=2)] == ["a", "b"]
    assert [one.name for one in watches.page(after="b", limit=2)] == ["c", "d"]
    assert [one.name for one in watches.page(states=[State.DOWN, State.UP])] == ["b", "c"]
    assert [one.name for one in watches.page(names=frozenset({"c", "x"}))] == ["c"]
    assert watches.page(names=frozenset()) == []
    assert watches.counts() == ({"new": 2, "down": 1, "up": 1}, 0)
    newest = store.job_watch_looks.changes(limit=1)
    assert [one.name for one in store.job_watch_looks.changes("b")] == ["b"]
    rest = store.job_watch_looks.changes(before_id=newest[0].id)
    assert {one.name for one in [*newest, *rest]} == {"b", "c"}
    assert store.job_watch_looks.changes(names=frozenset({"c"}))[0].name == "c"


def test_a_definition_comes_back_as_it_was(store: Store) -> None:
    watch = Watch(
        cron="0 6 * * 1-5",
        timezone="Europe/Berlin",
        grace=90.0,
        stale_after=7_200.0,
        close_stale=True,
        records=Records.SOME,
        overlap=Overlap.REFUSE,
    )
    assert store.job_watches.set("orders", watch, by=ME).watch == watch
    assert [entry.action for entry in store.audit.list()] == ["watch_set"]


def test_a_rule_against_a_second_run_holds_for_every_client(store: Store) -> None:
    store.job_watches.set("orders", Watch(overlap=Overlap.REFUSE), by=ME)
    store.job_log_runs.begin(Begin("orders"))
    with pytest.raises(Refused) as ours:
        store.job_log_runs.begin(Begin("orders"))
    assert ours.value.code == "job_in_progress"
    with pytest.raises(Refusal) as theirs:
        insert(store, record(store))
    assert (theirs.value.status, theirs.value.code) == (409, "23P01")
    insert(store, record(store, status="success"))
    insert(store, record(store, name="others"), record(store, name="others"))
    assert store.job_log_runs.begin(Begin("orders", overlap=Overlap.ALLOW)).record is not None


def test_two_at_once_in_one_request_are_refused_by_the_rule(store: Store) -> None:
    store.job_watches.set("orders", Watch(overlap=Overlap.REFUSE), by=ME)
    with pytest.raises(Refusal):
        insert(store, record(store), record(store))
    assert store.job_log_runs.about("orders").record is None


def test_a_rule_to_take_over_ends_the_older_run(store: Store, clock: Clock) -> None:
    store.job_watches.set("orders", Watch(overlap=Overlap.TAKE_OVER), by=ME)
    insert(store, record(store))
    clock.advance(minutes=1)
    insert(store, record(store))
    ended = store.job_log_runs.get(1)
    assert (ended.status, ended.end_date) == ("error", store.now_micros())
    assert store.job_log_runs.get(2).status == "in_progress"
    store.job_log_runs.begin(Begin("orders"))
    assert store.job_log_runs.get(2).status == "error"


def test_of_many_who_start_at_once_the_rule_lets_one(open_store: OpenStore) -> None:
    stores = [open_store() for _ in range(4)]
    stores[0].job_watches.set("orders", Watch(overlap=Overlap.REFUSE), by=ME)
    barrier = threading.Barrier(4)
    ends: list[str] = []

    def start(number: int) -> None:
        barrier.wait()
        try:
            if number % 2:
                insert(stores[number], record(stores[number]))
            else:
                stores[number].job_log_runs.begin(Begin("orders"))
            ends.append("started")
        except (Refused, Refusal):
            ends.append("refused")

    threads = [threading.Thread(target=start, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["refused", "refused", "refused", "started"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.integers(0, 7_200), st.sampled_from(["success", "error", "start", "look", "pause", "resume"])
        ),
        max_size=15,
    )
)
def test_looking_often_ends_where_looking_once_does(
    store: Store, clock: Clock, steps: list[tuple[int, str]]
) -> None:
    name = f"job{store.now_micros()}-{len(steps)}-{hash(tuple(steps))}"
    store.job_watches.set(name, Watch(every=3_600.0, stale_after=5_000.0), by=ME)
    for seconds, what in steps:
        clock.advance(seconds=seconds)
        if what in ("success", "error"):
            ran(store, name, what)
        elif what == "start":
            store.job_log_runs.begin(Begin(name))
        elif what != "look":
            store.job_watches.pause(name, paused=what == "pause", by=ME)
        store.job_watch_looks.look()
    state = store.job_watches.get(name).state
    told = store.job_watch_looks.changes(name)
    assert (told[0].after if told else "new") == state
    for newer, older in pairwise(told):
        assert newer.before == older.after
    alerts = [one.after == "down" for one in told[::-1] if one.alert and one.subject == "state"]
    recovered = [one for one in alerts if not one]
    assert len(recovered) <= len(alerts) - len(recovered)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_a_job_stands_as_it_is_judged_and_its_changes_are_a_chain(
    store: Store, clock: Clock, seed: int
) -> None:
    world = Random(seed)
    for _ in range(60):
        _happens(store, clock, world)
        if world.random() < 0.5:
            continue
        store.job_watch_looks.look()
        now = store.now_micros()
        for held in store.job_watches.page():
            with store.database.read() as connection:
                runs = newest(connection, held.name, now)
            verdict = judge(held.watch, Seen(runs, held.created_at, held.resumed_at, held.paused), now)
            assert held.state is verdict.state
            assert verdict.unusual is None or held.unusual is bool(verdict.unusual)
        last: dict[tuple[str, str], str] = {}
        for one in store.job_watch_looks.changes(limit=1_000)[::-1]:
            assert one.before == last.get((one.name, one.subject), START[one.subject])
            last[one.name, one.subject] = one.after


def _happens(store: Store, clock: Clock, world: Random) -> None:
    name, other = world.choices(("a", "b", "c"), k=2)
    by_name = [Comparison("name", Compare.EQUAL, name)]
    what = world.choice(
        ("watch", "time", "time", "jump", "run", "run", "run", "end", "name", "delete", "pause")
    )
    now = store.now_micros()
    match what:
        case "watch":
            store.job_watches.set(name, world.choice(EXPECTED), by=ME)
        case "time":
            clock.advance(seconds=world.choice((1, 60, 1_800, 3_600, 86_400)))
        case "jump":
            clock.advance(days=world.choice((-300, 300)))
        case "run":
            ended, count = now + world.choice((0, HOUR_MICROS)), world.choice((None, 0, 100))
            start = now + world.choice((0, -HOUR_MICROS, HOUR_MICROS))
            status = world.choice(("success", "error", "in_progress"))
            end = None if status == "in_progress" else ended
            values = {"start_date": start, "end_date": end, "status": status, "records_processed": count}
            insert(store, record(store, name=name, **values))
        case "end":
            running = [*by_name, Comparison("status", Compare.EQUAL, "in_progress")]
            store.job_log.update(running, {"status": "success"}, names=None, check=lambda _: None)
        case "name":
            store.job_log.update(by_name, {"name": other}, names=None, check=lambda _: None)
        case "delete":
            store.job_log.delete(by_name, names=None, check=lambda _: None)
        case "pause" if store.job_watches.find(name) is not None:
            store.job_watches.pause(name, paused=world.random() < 0.5, by=ME)
