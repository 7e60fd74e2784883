"""`headgate.Client` against a real server: everything that it answers, as values."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.api.serving import Served

import headgate
from headgate import Client
from headgate.client.asked import UserAsked
from headgate.errors import Forbidden, HeadgateError, NotFound, Refused, Unauthorized, UsageError
from headgate.model.runs import RunKind, RunStatus
from headgate.model.steps import StepStatus


@pytest.fixture
def client(server: Served) -> Iterator[Client]:
    with Client(server.url, server.token) as made:
        yield made


def test_client_is_found_where_the_package_is() -> None:
    assert headgate.Client is Client
    with pytest.raises(AttributeError):
        _ = headgate.Server


def test_run_is_started_waited_for_and_told(
    server: Served, client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    run = client.start_run("dev", job=4, parameters={"low": 3})
    assert run.status is RunStatus.WAITING
    worker = threading.Thread(target=server.carry_out, args=(run.id,))
    worker.start()
    ended = run.wait(progress=True, timeout=60)
    worker.join()
    assert (ended.status, ended.kind, ended.job_id) == (RunStatus.SUCCEEDED, RunKind.REFRESH, 4)
    assert ended.request.parameters == {"low": 3}
    told = capsys.readouterr().err.splitlines()
    assert f"refresh {run.id}: 2 steps" in told
    assert told[-1] == "2/2 succeeded MART.LOW"
    assert {step.step_id: step.status for step in run.steps} == {
        "RAW.ITEMS": StepStatus.SUCCEEDED,
        "MART.LOW": StepStatus.SUCCEEDED,
    }
    (result,) = [result for result in run.results() if result.step.step_id == "MART.LOW"]
    assert any("low" in statement.sql.lower() for statement in result.statements)
    assert "MART.LOW succeeded" in run.logs()
    assert run.logs(failed=True) == ""
    assert [event.kind for event in run.events()][-1] == "run_status"
    assert run.rerun() is None


def test_wait_for_a_run_that_nobody_carries_out_ends_in_time(client: Client) -> None:
    run = client.start_run("dev", include="{ GOOD }")
    with pytest.raises(TimeoutError):
        run.wait(timeout=0.3)
    assert run.cancel().status is RunStatus.CANCELED
    assert run.wait(timeout=5).status is RunStatus.CANCELED
    with pytest.raises(Refused) as told:
        run.cancel()
    assert told.value.code == "run_ended"
    again = run.rerun()
    assert again is not None
    assert again.run.rerun_of == run.id
    assert again.info.history == (run.id,)
    client.cancel(again.id)


def test_start_with_one_key_starts_once(client: Client) -> None:
    first = client.start_run("dev", include="{ GOOD }", idempotency_key="same")
    second = client.start_run("dev", include="{ GOOD }", idempotency_key="same")
    other = client.start_run("dev", include="{ GOOD }")
    assert first.id == second.id != other.id
    for run in (first, other):
        run.cancel()


def test_lists_go_over_their_pages_as_they_are_wanted(client: Client) -> None:
    started = [client.start_run("dev", include="{ GOOD }").id for _ in range(4)]
    assert [info.run.id for info in client.runs(limit=3)] == started[:0:-1]
    page = client.page_of_runs(limit=2, status="waiting")
    assert [info.run.id for info in page.items] == started[:1:-1]
    assert page.next is not None
    following = client.page_of_runs(limit=2, status="waiting", starting_from=page.next)
    assert [info.run.id for info in following.items] == started[1::-1]
    assert {info.environment_name for info in client.runs(environment="dev")} == {"dev"}
    for run_id in started:
        client.cancel(run_id)


def test_what_is_there_is_told_as_values(client: Client) -> None:
    (environment,) = client.environments()
    detail = client.environment("dev")
    assert (environment.name, environment.deployed) == ("dev", True)
    assert detail.deployment is not None
    assert detail.deployment == detail.deployments[0] == next(client.deployments("dev"))
    assert detail.mappings["STG"].schema == "stg"
    assert {info.node.id for info in client.nodes("dev", include="{ location: STG }+")} == {
        "STG.GOOD",
        "MART.LOW",
    }
    node = client.node("dev", "LOW")
    assert node.deployed is not None
    assert [name for name, _ in node.deployed.columns] == ["id", "twice"]
    lineage = client.lineage("dev", "MART.LOW", column="twice")
    assert lineage.upstream[0].via == ("MART.LOW", "twice")
    assert (lineage.upstream[0].node_id, lineage.upstream[0].column) == ("STG.GOOD", "id")
    assert [job.job.name for job in client.jobs("dev")] == ["nightly"]
    assert client.job("dev", "nightly").job.refresh.parallelism == 3
    selected = client.select("dev", "{ GOD } OR { LOW }")
    assert [node.id for node in selected.nodes] == ["MART.LOW"]
    assert len(selected.warnings) == 1


def test_plan_and_deploy_are_those_of_the_server(client: Client) -> None:
    assert client.plan("dev").empty
    run, plan = client.deploy("dev")
    assert run is None
    assert plan.environment == "dev"
    tag = client.create_tag("v1", environment="dev")
    assert [one.name for one in client.tags()] == [tag.name]


def test_access_is_given_and_taken_away(server: Served, client: Client) -> None:
    user = client.create_user(UserAsked("ann", "ann@example.com"))
    assert client.change_user(user.id, UserAsked(email="")).email is None
    made = client.create_token("airflow", "run:4", user="ann")
    with Client(server.url, made.text.reveal()) as other:
        run = other.start_run("dev", job="nightly")
        with pytest.raises(Forbidden):
            other.start_run("dev")
        run.cancel()
        assert client.revoke_token("airflow").status == "revoked"
        with pytest.raises(Unauthorized) as told:
            list(other.runs())
    assert told.value.code == "token_revoked"
    client.set_secret("PG", "swordfish")
    assert [secret.name for secret in client.secrets()] == ["PG"]
    client.delete_secret("PG")
    assert [entry.action for entry in client.audit(subject="secret/PG", limit=1)] == ["secret_deleted"]


@pytest.mark.parametrize(
    ("ask", "kind", "code"),
    [
        (lambda client: client.run(10**6).status, NotFound, "run_not_found"),
        (lambda client: client.start_run("prod"), NotFound, "environment_not_found"),
        (lambda client: client.start_run("dev", include="{"), UsageError, "selector_syntax"),
        (lambda client: client.start_run("dev", include="{ NONE }"), UsageError, "nothing_selected"),
        (lambda client: client.node("dev", ".."), NotFound, "node_not_found"),
        (lambda client: client.job("dev", ""), UsageError, "request_invalid"),
        (lambda client: client.run(10**6).wait(), NotFound, "run_not_found"),
    ],
)
def test_errors_are_those_of_the_server(
    client: Client, ask: object, kind: type[HeadgateError], code: str
) -> None:
    assert callable(ask)
    with pytest.raises(kind) as told:
        ask(client)
    assert told.value.code == code


def test_address_and_token_come_from_the_settings(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADGATE_SERVER", server.url)
    monkeypatch.setenv("HEADGATE_TOKEN", server.token)
    with Client() as client:
        assert client.url == server.url
        assert next(client.environments()).name == "dev"
    monkeypatch.delenv("HEADGATE_SERVER")
    with pytest.raises(UsageError) as told:
        Client()
    assert told.value.code == "server_needed"


def test_token_of_the_settings_goes_to_their_server_alone(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADGATE_SERVER", "http://127.0.0.1:1")
    monkeypatch.setenv("HEADGATE_TOKEN", server.token)
    with Client(server.url) as client, pytest.raises(Unauthorized) as told:
        next(client.environments())
    assert told.value.code == "token_missing"


def test_client_finds_its_server_and_token_in_a_profile(
    server: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[profiles.prod]\nserver = "{server.url}"\ntoken = "{server.token}"\n')
    monkeypatch.setenv("HEADGATE_CONFIG", str(config))
    with Client(profile="prod") as client:
        assert [one.name for one in client.environments()] == ["dev"]
    with pytest.raises(UsageError, match="there is no profile prd") as caught:
        Client(profile="prd")
    assert caught.value.hint == "did you mean prod?"
