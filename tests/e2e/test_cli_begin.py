"""The first minutes: init and demo."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.cli_support import Project


def test_init_makes_a_project_that_compiles_deploys_and_refreshes(tmp_path: Path) -> None:
    made = Project(tmp_path).run("init", "my shop")
    assert "headgate.yml" in made.out.splitlines()
    project = Project(tmp_path / "my shop")
    assert project.run("compile").out.startswith("my_shop compiles")
    project.run("deploy", "-e", "dev")
    assert project.run("refresh", "-e", "dev").out.startswith("refresh 2 succeeded")
    assert project.run("refresh", "-e", "dev", "-j", "daily").out.startswith("refresh 3 succeeded")
    assert project.query("select sum(orders) from mart.sales_by_country") == [(6,)]
    assert (project.folder / ".gitignore").read_text().endswith(".headgate/\n")


def test_init_refuses_a_folder_that_holds_something(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    refused = Project(tmp_path).run("init", code=2)
    assert refused.err.startswith("error: . is not an empty folder\nhint: ")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_init_in_an_empty_repository_works(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    (folder / ".git").mkdir(parents=True)
    body = Project(folder).run("init", "--json").body
    assert "environments/dev.yml" in body["files"]


def test_demo_does_the_main_job_and_says_what_to_look_at(tmp_path: Path) -> None:
    done = Project(tmp_path).run("demo", "--scale", "0.01")
    assert "refresh 2 succeeded" in done.out
    assert "headgate status" in done.err
    project = Project(tmp_path / "headgate-demo")
    project.run("plan", "-e", "dev", "--exit-code")
    project.run("refresh", "--environmentID", "1", "--jobID", "4")
    project.run("refresh", "-e", "dev", "--include", "{ location: MART }+ ", "--exclude", "{ name: *_WIDE }")
    again = Project(tmp_path).run("demo", code=2)
    assert again.err.startswith("error: there is a project in headgate-demo already\nhint: cd headgate-demo")


def test_demo_refuses_a_scale_of_nothing_before_it_writes(tmp_path: Path) -> None:
    Project(tmp_path).run("demo", "--scale", "0", code=2)
    assert list(tmp_path.iterdir()) == []
