"""`headgate jobs`: the jobs of the project's files, or of what is deployed; what one selects, and why."""

from __future__ import annotations

from collections.abc import Mapping

import click

from headgate.cli import flags, output
from headgate.cli.invocation import Invocation, current
from headgate.cli.selecting import tell_missed
from headgate.model.bound import Catalog
from headgate.model.project import Job
from headgate.service import asking, bodies, node_bodies
from headgate.service.asking import Explanation
from headgate.service.context import find_environment
from headgate.service.working_tree import compile_folder, tree_catalog


@flags.group("jobs")
def jobs() -> None:
    """List jobs; show what one selects, and why."""


def _catalog(invocation: Invocation, environment: str | None) -> Catalog:
    if environment is None:
        return tree_catalog(compile_folder(invocation.root, invocation.settings()))
    with invocation.open("headgate jobs") as opened:
        row = find_environment(opened.context, environment)
        return asking.deployed_content(opened.context, row).runnable()


@jobs.command("list")
@flags.deployed_in
@flags.limit(None)
@flags.starting_from
@flags.as_json
def list_(*, environment: str | None, limit: int | None, starting_from: str | None, as_json: bool) -> None:
    """List jobs.

    \b
    Examples:
      headgate jobs
      headgate jobs list -e dev --json
    """
    found = _sorted(_catalog(current(), environment).jobs)
    if starting_from is not None:
        found = [job for job in found if job.id > asking.job_number(starting_from)]
    most = limit or max(len(found), 1)
    page, following = found[:most], found[most:]
    if as_json:
        body = bodies.page([node_bodies.job_body(j) for j in page], most, page[-1].id if following else None)
        output.show_json(body)
        return
    if not page:
        output.say("no jobs: a file in jobs/ makes one")
        return
    rows = [(job.id, job.name, job.refresh.include or "all", job.refresh.exclude) for job in page]
    output.show_table(("JOB", "NAME", "INCLUDE", "EXCLUDE"), rows)
    if following:
        output.say(f"{len(following):,} more: --startingFrom {page[-1].id}")


def _sorted(jobs_: Mapping[int, Job]) -> list[Job]:
    return sorted(jobs_.values(), key=lambda job: job.id)


@jobs.command("show", short_help="Show what a job selects, and why.")
@click.argument("job", metavar="JOB", shell_complete=flags.complete_jobs)
@flags.deployed_in
@flags.strict
@flags.as_json
def show(*, job: str, environment: str | None, strict: bool, as_json: bool) -> None:
    """Show a job: what each block of its selectors matches, which nodes it runs, and why each of them.

    \b
    Examples:
      headgate jobs show 4
      headgate jobs show nightly_sales -e prod
    """
    catalog = _catalog(current(), environment)
    found = asking.find_job(catalog.jobs, job)
    explained = asking.explain_selection(catalog, found.refresh.include, found.refresh.exclude, strict=strict)
    if as_json:
        output.show_json({**node_bodies.job_body(found), **node_bodies.explanation_body(catalog, explained)})
        return
    tell_missed(explained.selection)
    _show_job(found)
    _show_explanation(catalog, explained)


def _show_job(job: Job) -> None:
    output.show(click.style(f"job {job.id} {job.name}", bold=True))
    facts = (
        ("description", job.description),
        ("file", job.path),
        ("include", job.refresh.include or "everything"),
        ("exclude", job.refresh.exclude),
        ("parallelism", job.refresh.parallelism),
        ("parameters", ", ".join(f"{name}={value}" for name, value in job.parameters.items())),
        ("triggers in", ", ".join(name for name, said in job.environments.items() if said.get("triggers"))),
        ("tags", ", ".join(job.tags)),
    )
    for name, value in facts:
        if value:
            output.show(f"  {name:<13}{value}")


def _show_explanation(catalog: Catalog, explained: Explanation) -> None:
    terms = explained.selection.terms
    if terms:
        output.show()
        rows = [(term.side, term.text, len(term.ids), output.names(term.ids, 3)) for term in terms]
        output.show_table(("BLOCK OF", "TEXT", "MATCHES", "BY ITSELF"), rows, right=(2,))
    output.show()
    chosen = set(explained.selection.ids)
    selected = [node for node in catalog.nodes if node.id in chosen]
    if not selected:
        output.show("it selects nothing")
        return
    output.show_table(
        (f"RUNS {len(selected):,} OF {len(catalog.nodes):,}", "TYPE", "BECAUSE IT"),
        [(node.id, node.node_type, _because(explained.why[node.id])) for node in selected],
    )


def _because(why: str) -> str:
    return why if why.startswith("matches") else f"is {why}"
