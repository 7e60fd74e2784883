"""Blobs, tags, environments and events: what is kept under a name."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.contract.store.conftest import OpenStore, Target
from tests.contract.store.samples import PROJECT, Clock, environment, started, waiting

from headgate.errors import NotFound, Refused
from headgate.store import Store


def test_blob_is_kept_under_its_sha256_and_read_back(store: Store) -> None:
    contents = [b"", b"x", b"select 1 " * 500, os.urandom(3000), b"x"]
    digests = store.blobs.put(contents)
    assert digests == [hashlib.sha256(content).hexdigest() for content in contents]
    assert [store.blobs.get(digest) for digest in digests] == contents
    assert store.blobs.put(iter(contents)) == digests


def test_compressible_blob_takes_less_room(store: Store) -> None:
    store.blobs.put([b"select 1 " * 500])
    with store.database.read() as connection:
        row = connection.row("SELECT compressed, length(contents) FROM blob")
    assert row is not None
    assert (row[0], row[1] < 200) == (1, True)


def test_thousands_of_blobs_are_put_and_got_at_once(store: Store) -> None:
    contents = {hashlib.sha256(c).hexdigest(): c for c in (f"blob {n}".encode() for n in range(2500))}
    before = store.database.transaction_count
    store.blobs.put(contents.values())
    assert store.database.transaction_count - before == 1
    store.blobs.put(contents.values())
    assert store.database.transaction_count - before == 1
    assert store.blobs.get_many(contents) == contents
    assert store.blobs.get_many([]) == {}


def test_missing_blob_is_named(store: Store) -> None:
    (here,) = store.blobs.put([b"here"])
    with pytest.raises(NotFound, match="0123456789ab") as caught:
        store.blobs.get_many([here, "0123456789ab" + "c" * 52])
    assert caught.value.code == "blob_not_found"


def test_prune_drops_old_blobs_that_nothing_names(store: Store, clock: Clock) -> None:
    names = ("bound", "step", "catalog", "manifest", "tagged", "loose")
    digests = dict(zip(names, store.blobs.put(name.encode() for name in names), strict=True))
    store.deployments.begin(
        environment_id=1,
        manifest_digest=digests["manifest"],
        digests={"catalog": digests["catalog"]},
        nodes=[("MART.A", digests["bound"], digests["step"])],
    )
    store.tags.set(PROJECT, "v1", digests["tagged"])
    clock.advance(hours=23)
    assert store.blobs.unused() == []
    clock.advance(hours=2)
    assert store.blobs.drop(store.blobs.unused()) == 1
    with pytest.raises(NotFound):
        store.blobs.get(digests.pop("loose"))
    assert {name: store.blobs.get(digest).decode() for name, digest in digests.items()} == {
        name: name for name in digests
    }


def test_blob_that_was_put_again_is_not_pruned_under_the_deploy_that_needs_it(
    store: Store, clock: Clock
) -> None:
    (digest,) = store.blobs.put([b"loose"])
    clock.advance(days=3)
    found = store.blobs.unused()
    store.blobs.put([b"loose"])
    assert (len(found), store.blobs.drop(found)) == (1, 0)
    assert store.blobs.unused() == []
    assert store.blobs.get(digest) == b"loose"


def test_tag_never_moves(store: Store, clock: Clock) -> None:
    tag = store.tags.set(PROJECT, "v1", "a" * 64)
    clock.advance(days=1)
    assert store.tags.set(PROJECT, "v1", "a" * 64) == tag
    with pytest.raises(Refused) as caught:
        store.tags.set(PROJECT, "v1", "b" * 64)
    assert caught.value.code == "tag_exists"
    assert store.tags.get(PROJECT, "v1") == tag
    assert store.tags.set("other", "v1", "b" * 64).manifest_digest == "b" * 64
    assert [event.kind for event in store.events.read()].count("tag_set") == 2


def test_tags_are_listed_by_name_and_missing_ones_have_near_names(store: Store) -> None:
    for name in ("v3", "v1", "v2"):
        store.tags.set(PROJECT, name, "a")
    assert [tag.name for tag in store.tags.list(PROJECT)] == ["v1", "v2", "v3"]
    assert [tag.name for tag in store.tags.list(PROJECT, after_name="v1", limit=1)] == ["v2"]
    with pytest.raises(NotFound) as caught:
        store.tags.get(PROJECT, "v33")
    assert "v3" in caught.value.hint


def test_environment_is_read_back_as_applied(store: Store) -> None:
    row = store.environments.get("dev")
    assert row == store.environments.get(1) == store.environments.get("dev", PROJECT)
    assert row.environment == environment()
    assert (row.project, row.current_deployment_id, row.marked, row.last_run) == (PROJECT, None, False, None)


def test_environment_names_its_last_run(store: Store) -> None:
    waiting(store)
    last = started(store)
    assert store.environments.get(1).last_run == last
    assert store.environments.list()[0].last_run == last


def test_applying_the_same_environment_again_writes_nothing(store: Store) -> None:
    before = store.database.transaction_count
    store.environments.apply(environment(), PROJECT)
    assert store.database.transaction_count == before


def test_changed_environment_keeps_what_stands_in_it(store: Store) -> None:
    done = store.deployments.finish(
        store.deployments.begin(environment_id=1, manifest_digest="m").id, ok=True
    )
    changed = replace(environment(), name="development", parameters={"days": 9})
    store.environments.apply(changed, PROJECT)
    row = store.environments.get("development")
    assert (row.environment, row.current_deployment_id) == (changed, done.id)


def test_id_of_another_projects_environment_is_refused(store: Store) -> None:
    with pytest.raises(Refused) as caught:
        store.environments.apply(environment(1, "qa"), "flights")
    assert caught.value.code == "environment_id_taken"
    assert PROJECT in caught.value.message
    assert store.environments.get(1).environment == environment()


def test_name_of_another_environment_of_the_project_is_refused(store: Store) -> None:
    with pytest.raises(Refused) as caught:
        store.environments.apply(environment(5, "dev"), PROJECT)
    assert caught.value.code == "environment_name_taken"


def test_name_that_two_projects_use_is_ambiguous_without_the_project(store: Store) -> None:
    store.environments.apply(environment(7, "dev"), "flights")
    assert store.environments.get("dev", "flights").environment.id == 7
    with pytest.raises(Refused) as caught:
        store.environments.get("dev")
    assert "1, 7" in caught.value.hint


def test_unknown_environment_has_near_names(store: Store) -> None:
    with pytest.raises(NotFound) as caught:
        store.environments.get("dve")
    assert caught.value.code == "environment_not_found"
    assert "dev" in caught.value.hint


def test_environments_are_paged_by_id(store: Store) -> None:
    for environment_id in (9, 3, 5):
        store.environments.apply(environment(environment_id, f"e{environment_id}"), PROJECT)
    assert [row.environment.id for row in store.environments.list()] == [1, 3, 5, 9]
    assert [row.environment.id for row in store.environments.list(after_id=3, limit=1)] == [5]


def test_events_are_read_on_from_where_a_reader_stopped(store: Store) -> None:
    start = store.events.last_id()
    runs = [waiting(store) for _ in range(7)]
    seen, after = [], start
    while page := store.events.read(after, limit=3):
        seen += page
        after = page[-1].id
    assert [event.run_id for event in seen] == [run.id for run in runs]
    assert [event.run_id for event in store.events.read(start, run_id=runs[3].id)] == [runs[3].id]
    assert after == store.events.last_id()


def test_state_keeps_its_uid_and_its_contents(store: Store, open_store: OpenStore) -> None:
    run = waiting(store)
    again = open_store()
    assert again.uid == store.uid
    assert len(store.uid) == 32
    assert again.runs.get(run.id) == run
    assert again.now() == store.now()


def test_time_is_the_databases_and_does_not_jump_with_the_machines(
    state: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.connect(state) as store:
        before = store.now()
        assert before.tzinfo is not None
        if isinstance(state, str):
            with store.database.read() as connection:
                ((its,),) = connection.rows(
                    "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
                )
            assert abs(store.now_micros() - its) < 1_000_000
        monkeypatch.setattr(time, "time_ns", lambda: 0)
        asked = store.database.transaction_count
        assert timedelta(0) <= store.now() - before < timedelta(minutes=1)
        assert store.database.transaction_count == asked
