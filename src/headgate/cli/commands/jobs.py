"""`headgate jobs`: the jobs of the project's files, or of what is deployed; what one selects, and why."""

from __future__ import annotations

import click

from headgate.cli import flags, output
from headgate.cli.invocation import current
from headgate.cli.selecting import tell_missed
from headgate.cli.target import Body, Target
from headgate.client import node_reading, reading
from headgate.client.answers import SelectionInfo
from headgate.model.bound import Catalog
from headgate.model.project import Job
from headgate.service import asking, bodies, node_bodies
from headgate.service.parameters import job_number


@flags.group("jobs")
def jobs() -> None:
    """List jobs; show what one selects, and why."""


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
    if environment is not None:
        with current().target("headgate jobs") as target:
            body = target.jobs(environment, limit=limit, starting_from=starting_from)
    else:
        body = _of_files(limit, starting_from)
    if as_json:
        output.show_json(body)
        return
    page = reading.page(body, node_reading.job)
    if not page.items:
        output.say("no jobs: a file in jobs/ makes one")
        return
    rows = [(job.id, job.name, job.refresh.include or "all", job.refresh.exclude) for job in page.items]
    output.show_table(("JOB", "NAME", "INCLUDE", "EXCLUDE"), rows)
    if page.next:
        output.say(f"more: --startingFrom {page.next}")


def _of_files(limit: int | None, starting_from: str | None) -> Body:
    found = sorted(_files().jobs.values(), key=lambda job: job.id)
    if starting_from is not None:
        found = [job for job in found if job.id > job_number(starting_from)]
    most = limit or max(len(found), 1)
    page, following = found[:most], found[most:]
    return bodies.page([node_bodies.job_body(j) for j in page], most, page[-1].id if following else None)


def _files() -> Catalog:
    from headgate.service.working_tree import compile_folder, tree_catalog

    invocation = current()
    return tree_catalog(compile_folder(invocation.root_of_files, invocation.settings()))


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
    if environment is not None:
        with current().target("headgate jobs") as target:
            body = target.job(environment, job)
            include, exclude = body["includeSelector"], body["excludeSelector"]
            selected = target.selection(environment, include, exclude, strict=strict)
            every = 0 if as_json else len(_nodes(target, environment))
    else:
        catalog = _files()
        found = asking.find_job(catalog.jobs, job)
        body = node_bodies.job_body(found)
        refresh = found.refresh
        explained = asking.explain_selection(catalog, refresh.include, refresh.exclude, strict=strict)
        selected = node_bodies.explanation_body(catalog, explained)
        every = len(catalog.nodes)
    if as_json:
        output.show_json({**body, **selected})
        return
    selection = node_reading.selection(selected)
    tell_missed(selection.warnings)
    _show_job(node_reading.job(body))
    _show_selection(selection, every)


def _nodes(target: Target, environment: str) -> list[Body]:
    found: list[Body] = target.nodes(environment, "", "", limit=None, starting_from=None)["data"]
    return found


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


def _show_selection(selection: SelectionInfo, every: int) -> None:
    if selection.terms:
        output.show()
        rows = [(term.side, term.text, len(term.ids), output.names(term.ids, 3)) for term in selection.terms]
        output.show_table(("BLOCK OF", "TEXT", "MATCHES", "BY ITSELF"), rows, right=(2,))
    output.show()
    if not selection.nodes:
        output.show("it selects nothing")
        return
    output.show_table(
        (f"RUNS {len(selection.nodes):,} OF {every:,}", "TYPE", "BECAUSE IT"),
        [(node.id, node.node_type, _because(selection.why[node.id])) for node in selection.nodes],
    )


def _because(why: str) -> str:
    return why if why.startswith("matches") else f"is {why}"
