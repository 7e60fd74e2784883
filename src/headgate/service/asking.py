"""What is there, by the state: environments, runs, jobs, tags, and what is deployed. Read-only.

The files are asked in `working_tree`; the bodies of the answers are in `bodies`. Stands on the path of every refresh:
imports no compiler.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from headgate.errors import NotFound, Refused, UsageError, did_you_mean
from headgate.graph import invert
from headgate.model.bound import BoundNode, Catalog, Selectable
from headgate.model.project import Environment, Job, Manifest, Node
from headgate.model.runs import Deployment, Event, Run, RunStatus, StepRow
from headgate.model.steps import StatementRecord, Step
from headgate.selector import Selection, select
from headgate.service.context import Context
from headgate.service.paging import Page, cut
from headgate.service.parameters import read_instant, run_number, whole_number
from headgate.store.content import Content
from headgate.store.environments import EnvironmentRow
from headgate.store.run_lists import ANY_RUN, NEWEST_FIRST, RunFilter, RunKey, RunOrder
from headgate.store.store import Store
from headgate.store.tags import Tag

T = TypeVar("T")

# --- runs -----------------------------------------------------------------------------------------------


def list_runs(
    context: Context,
    which: RunFilter = ANY_RUN,
    *,
    limit: int = 50,
    starting_from: str | None = None,
    order: RunOrder = NEWEST_FIRST,
) -> Page[Run]:
    """Runs, by default newest first, those after `starting_from`: the `next` of the page before, a run's id, or an
    instant, which orders them by their start where nothing else is asked for.

    Raises UsageError (`run_id_invalid`, `instant_invalid`).
    """
    if starting_from is not None:
        order = _after(order, starting_from)
    found = context.store.runs.list(which, limit=limit + 1, order=order)
    return cut(found, limit, lambda run: _place(run, order.key))


def _after(order: RunOrder, starting_from: str) -> RunOrder:
    at, _, number = starting_from.partition("/")
    if order.key is RunKey.ID and not number and ("-" not in at or whole_number(at) is not None):
        return replace(order, after_id=run_number(at))
    key = RunKey.STARTED if order.key is RunKey.ID else order.key
    after_id = run_number(number) if number else None
    return replace(order, key=key, after_at=read_instant(at, "startingFrom"), after_id=after_id)


def _place(run: Run, key: RunKey) -> str:
    at = run.started_at if key is RunKey.STARTED else run.ended_at
    return str(run.id) if key is RunKey.ID or at is None else f"{at.isoformat()}/{run.id}"


@dataclass(frozen=True, slots=True)
class RunReport:
    """A run with its steps and what each sent to the warehouse. `history` are the runs it repeats and the reruns
    of it, oldest first, without itself."""

    run: Run
    environment: Environment
    steps: tuple[StepRow, ...]
    history: tuple[Run, ...]
    statements: Mapping[str, Sequence[StatementRecord]]


def report_run(context: Context, run_id: int, *, statements: bool = False) -> RunReport:
    """Raises NotFound `run_not_found`."""
    store = context.store
    run = store.runs.get(run_id)
    return RunReport(
        run=run,
        environment=store.environments.get(run.environment_id).environment,
        steps=tuple(store.steps.list(run_id)),
        history=tuple(other for other in store.runs.history_chain(run_id) if other.id != run_id),
        statements=store.steps.statements(run_id) if statements else {},
    )


def find_run(context: Context, run_id: int) -> Run:
    """Raises NotFound `run_not_found`."""
    return context.store.runs.get(run_id)


@dataclass(frozen=True, slots=True)
class Told:
    """Events of a run in their order. `over`: there are no more of them, and never will be."""

    events: tuple[Event, ...]
    over: bool


def read_events(context: Context, run_id: int, after_id: int, limit: int) -> Told:
    """What happened to a run after the event `after_id`. Raises NotFound `run_not_found`."""
    store = context.store
    final = store.runs.get(run_id).status.final  # looked at first: what comes after it is no event of the run
    events = tuple(store.events.read(after_id, limit, run_id))
    if not final or len(events) == limit:
        return Told(events, over=False)
    seen = events[-1].id if events else after_id
    return Told(events, over=seen >= store.events.last_move(run_id))


def completing_run(context: Context, run_id: int) -> Run:
    """The newest run of `run_id` and its reruns that ended well; itself where none did."""
    family = context.store.runs.history_chain(run_id)
    good = [run for run in family if run.status in (RunStatus.SUCCEEDED, RunStatus.WARNING)]
    return good[-1] if good else context.store.runs.get(run_id)


def find_step(report: RunReport, name: str) -> StepRow:
    """A step by its id or, where that is unique, its name. Raises NotFound `step_not_found`."""
    folded = name.lower()
    exact = [step for step in report.steps if step.step_id.lower() == folded]
    found = exact or [step for step in report.steps if step.name.lower() == folded]
    if len(found) == 1:
        return found[0]
    known = [step.step_id for step in report.steps]
    otherwise = f"headgate runs show {report.run.id} shows its nodes"
    hint = (
        f"name one: {', '.join(s.step_id for s in found)}" if found else did_you_mean(name, known, otherwise)
    )
    raise NotFound("step_not_found", f"run {report.run.id} has no node {name}", hint=hint)


# --- environments ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EnvironmentReport:
    """`row` is None where the files name it and nothing was ever deployed there. `deployments`: newest first."""

    environment: Environment
    row: EnvironmentRow | None
    deployment: Deployment | None = None
    running: tuple[Run, ...] = ()
    deployments: tuple[Deployment, ...] = ()


def list_environments(context: Context, known: Iterable[Environment] = ()) -> list[EnvironmentReport]:
    """Every environment of the state, and those of `known` (the project's files) that are not there yet."""
    store = context.store
    open_runs = [run for run, _ in store.runs.open()]
    reports = [
        EnvironmentReport(
            row.environment,
            row,
            store.deployments.current(row.environment.id),
            tuple(run for run in open_runs if run.environment_id == row.environment.id),
        )
        for row in _every_environment(context)
    ]
    seen = {report.environment.id for report in reports}
    reports += [EnvironmentReport(e, None) for e in known if e.id not in seen]
    return sorted(reports, key=lambda report: report.environment.id)


def environment_names(context: Context) -> dict[int, str]:
    return {row.environment.id: row.environment.name for row in _every_environment(context)}


def _every_environment(context: Context) -> list[EnvironmentRow]:
    rows: list[EnvironmentRow] = []
    while True:
        after = rows[-1].environment.id if rows else -1
        more = context.store.environments.list(after_id=after, limit=100)
        rows += more
        if len(more) < 100:
            return rows


def show_environment(
    context: Context, name: str, known: Iterable[Environment] = (), *, deployments: int = 20
) -> EnvironmentReport:
    """One environment by name or id, with its last deployments. Raises NotFound `environment_not_found`."""
    reports = list_environments(context, known)
    for report in reports:
        if name in (report.environment.name, str(report.environment.id)):
            kept = context.store.deployments.list(report.environment.id, limit=deployments)
            return replace(report, deployments=tuple(kept))
    names = [report.environment.name for report in reports]
    otherwise = f"there are {', '.join(names)}" if names else "add environments/dev.yml"
    raise NotFound(
        "environment_not_found",
        f"there is no environment {name}",
        hint=did_you_mean(name, names, otherwise),
    )


def list_deployments(
    context: Context, row: EnvironmentRow, *, limit: int = 100, starting_from: str | None = None
) -> Page[Deployment]:
    """Newest first, those before the number `starting_from`. Raises UsageError `key_invalid`."""
    before = None
    if starting_from is not None and (before := whole_number(starting_from)) is None:
        raise UsageError("key_invalid", f"{starting_from[:40]!r} is no number of a deployment")
    found = context.store.deployments.list(row.environment.id, limit=limit + 1, before_number=before)
    return cut(found, limit, lambda deployment: str(deployment.number))


def find_deployment(context: Context, row: EnvironmentRow, number: int) -> Deployment:
    """Raises NotFound `deployment_not_found`."""
    return context.store.deployments.by_number(row.environment.id, number)


# --- what is deployed -----------------------------------------------------------------------------------


def deployed_content(context: Context, row: EnvironmentRow) -> Content:
    """Raises Refused `not_deployed`."""
    deployment = context.store.deployments.current(row.environment.id)
    if deployment is None:
        name = row.environment.name
        raise Refused("not_deployed", f"nothing is deployed in {name}", hint=f"headgate deploy -e {name}")
    return Content(context.store, deployment)


def deployed_manifest(context: Context, row: EnvironmentRow) -> Manifest:
    return deployed_content(context, row).manifest()


def deployed_node(context: Context, row: EnvironmentRow, node_id: str) -> tuple[BoundNode, Step]:
    """A node as bound at the deploy, and its refresh step. Raises NotFound `node_not_deployed`."""
    content = deployed_content(context, row)
    bound = content.bound("", [node_id]).nodes.get(node_id)
    if bound is None:
        name = row.environment.name
        raise NotFound(
            "node_not_deployed", f"{node_id} is not deployed in {name}", hint=f"headgate deploy -e {name}"
        )
    return bound, content.steps([node_id])[node_id]


def deployed_nodes(
    context: Context, row: EnvironmentRow, ids: Sequence[str]
) -> dict[str, tuple[Node, BoundNode, Step]]:
    """Nodes as written, as bound at the deploy, and their refresh steps."""
    content = deployed_content(context, row)
    written = deployed_manifest(context, row).nodes
    bound, steps = content.bound("", ids).nodes, content.steps(ids)
    return {name: (written[name], bound[name], steps[name]) for name in ids}


def list_nodes(
    catalog: Catalog, include: str, exclude: str, *, limit: int, starting_from: str | None = None
) -> Page[Selectable]:
    """The nodes that selectors select, in the catalog's order, those after the node `starting_from`.

    Raises UsageError (`selector_syntax`, `node_key_unknown`).
    """
    chosen = set(select(catalog, include, exclude).ids)
    nodes = catalog.nodes
    if starting_from is not None:
        position = next((n for n, node in enumerate(nodes) if node.id == starting_from), None)
        if position is None:
            raise UsageError(
                "key_invalid",
                f"there is no node {starting_from} to go on after",
                hint="give `next` of the page before; after a deploy, begin again",
            )
        nodes = nodes[position + 1 :]
    found = [node for node in nodes if node.id in chosen]
    return cut(found[: limit + 1], limit, lambda node: node.id)


def find_subgraph(subgraphs: Mapping[str, T], name: str) -> T:
    """Raises NotFound `subgraph_not_found`."""
    if name in subgraphs:
        return subgraphs[name]
    raise NotFound("subgraph_not_found", f"there is no subgraph {name}", hint=did_you_mean(name, subgraphs))


def node_states(manifest: Manifest, deployed: Manifest) -> dict[str, str]:
    """`new` or `modified` for each node that is not as deployed. Where a file stands does not matter."""

    def essence(node: Node) -> Node:
        return replace(node, path="", line_offset=0, description="")

    states = {}
    for name, node in manifest.nodes.items():
        before = deployed.nodes.get(name)
        if before is None:
            states[name] = "new"
        elif before != node and essence(before) != essence(node):
            states[name] = "modified"
    return states


# --- jobs and selections --------------------------------------------------------------------------------


def find_job(jobs: Mapping[int, Job], name: str) -> Job:
    """By id or by name. Raises NotFound `job_not_found`."""
    for job in jobs.values():
        if name in (str(job.id), job.name):
            return job
    known = ", ".join(f"{job.id} ({job.name})" for job in jobs.values())
    raise NotFound(
        "job_not_found",
        f"there is no job {name}",
        hint=did_you_mean(
            name, [job.name for job in jobs.values()], f"jobs: {known}" if known else "add one to jobs/"
        ),
    )


def find_deployed_job(context: Context, row: EnvironmentRow, name: str) -> Job:
    """A job of what is deployed. Raises Refused `not_deployed`, NotFound `job_not_found`."""
    return find_job(deployed_content(context, row).runnable().jobs, name)


def job_id_of_runs(context: Context, row: EnvironmentRow | None, name: str) -> int:
    """The id of a job whose runs are asked for; it may be gone from what is deployed. A name must be known.

    Raises NotFound `job_not_found`.
    """
    if (number := whole_number(name)) is not None:
        return number
    jobs: dict[int, Job] = {}
    for one in [row] if row is not None else _every_environment(context):
        if one.current_deployment_id is not None:
            jobs |= deployed_content(context, one).runnable().jobs
    return find_job(jobs, name).id


def job_ids(context: Context, row: EnvironmentRow | None, names: Iterable[str]) -> tuple[int, ...]:
    """The ids of jobs that are named by id or name; names that nobody knows are passed over."""
    found = set()
    for name in names:
        with suppress(NotFound):
            found.add(job_id_of_runs(context, row, name))
    return tuple(sorted(found))


@dataclass(frozen=True, slots=True)
class Explanation:
    """A selection, and for every node of it a sentence that says why it is in."""

    selection: Selection
    why: Mapping[str, str]


def explain_selection(catalog: Catalog, include: str, exclude: str, *, strict: bool = False) -> Explanation:
    """What two selectors select, and why. Raises UsageError (`selector_syntax`, `selector_no_match`)."""
    selection = select(catalog, include, exclude, strict=strict)
    if not include.strip():
        everything = "not excluded" if exclude.strip() else "part of everything"
        return Explanation(selection, dict.fromkeys(selection.ids, everything))
    included = set(select(catalog, include).ids)
    matched: dict[str, str] = {}
    for term in selection.terms:
        if term.side == "include":
            for name in included.intersection(term.ids):  # what NOT takes away is no reason
                matched.setdefault(name, f"matches {term.text}")
    parents = {node.id: node.depends_on for node in catalog.nodes}
    above = _origins(parents, matched)
    below = _origins(invert(parents), matched)
    why = {}
    for name in selection.ids:
        if name in matched:
            why[name] = matched[name]
        elif name in above:
            why[name] = f"upstream of {above[name]}"
        elif name in below:
            why[name] = f"downstream of {below[name]}"
        else:
            why[name] = "matches no excluded term"  # NOT { … }
    return Explanation(selection, why)


def _origins(edges: Mapping[str, Iterable[str]], starts: Iterable[str]) -> dict[str, str]:
    """For everything reached along `edges`, the nearest start."""
    origin = {name: name for name in starts}
    frontier = list(origin)
    for name in frontier:
        for other in edges.get(name, ()):
            if other not in origin:
                origin[other] = origin[name]
                frontier.append(other)
    return origin


# --- tags -------------------------------------------------------------------------------------------------


def list_tags(
    context: Context, project: str, *, limit: int = 100, starting_from: str | None = None
) -> Page[Tag]:
    found = context.store.tags.list(project, after_name=starting_from or "", limit=limit + 1)
    return cut(found, limit, lambda tag: tag.name)


def projects(context: Context) -> dict[str, list[EnvironmentRow]]:
    """By name, each with its environments."""
    found: dict[str, list[EnvironmentRow]] = {}
    for row in _every_environment(context):
        found.setdefault(row.project, []).append(row)
    return found


def find_project(context: Context, name: str | None) -> str:
    """The project of that name; the only one where none is named. Raises NotFound `project_not_found`, UsageError
    `project_needed`."""
    known = sorted({row.project for row in _every_environment(context)})
    if name in known:
        return str(name)
    if name is not None:
        raise NotFound("project_not_found", f"there is no project {name}", hint=did_you_mean(name, known))
    if len(known) == 1:
        return known[0]
    raise UsageError(
        "project_needed",
        "which project?",
        hint=f"there are {', '.join(known)}" if known else "deploy one first",
    )


# --- names ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KnownNames:
    """Names to complete on a command line, each with a word of help."""

    nodes: tuple[tuple[str, str], ...] = ()
    jobs: tuple[tuple[str, str], ...] = ()
    environments: tuple[tuple[str, str], ...] = ()


def deployed_names(store: Store) -> KnownNames:
    """Of all that is deployed anywhere."""
    nodes: dict[str, str] = {}
    jobs: dict[str, str] = {}
    rows = store.environments.list()
    for row in rows:
        deployment = store.deployments.current(row.environment.id)
        if deployment is not None:
            catalog = Content(store, deployment).runnable()
            nodes |= {node.id: node.node_type for node in catalog.nodes}
            jobs |= {str(job.id): job.name for job in catalog.jobs.values()}
    environments = ((row.environment.name, f"environment {row.environment.id}") for row in rows)
    return KnownNames(tuple(nodes.items()), tuple(jobs.items()), tuple(environments))
