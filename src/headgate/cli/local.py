"""The project's own state as a `Target`: use cases and bodies of `service`, and a worker in this process.

What only authors need (the compiler, the parsers) is imported where it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headgate.cli.embedded import Embedded
from headgate.cli.local_access import ALL, whole
from headgate.cli.local_log import LocalLog
from headgate.cli.target import Body, View
from headgate.client.asked import Named, RunAsked, RunsAsked
from headgate.engine.stop import Stop
from headgate.errors import Refused
from headgate.model.project import Environment
from headgate.model.runs import RunKind, RunRequest, RunStatus
from headgate.model.steps import StepStatus
from headgate.service import asking, bodies, running
from headgate.service.asking import EnvironmentReport
from headgate.service.context import find_environment
from headgate.service.parameters import environment_number, job_number
from headgate.store.environments import EnvironmentRow
from headgate.store.run_lists import RunFilter

if TYPE_CHECKING:
    from headgate.cli.planned import LocalPlanned


@dataclass(frozen=True, slots=True)
class LocalTarget(LocalLog):
    """`known` gives the environments of the project's files, which are listed also where nothing is deployed yet."""

    opened: Embedded
    known: Callable[[], Sequence[Environment]]
    remote: bool = False

    def the_environment(self, name: Named | None) -> Named:
        return find_environment(self.context, None if name is None else str(name)).environment.name

    def _row(self, name: Named) -> EnvironmentRow:
        return find_environment(self.context, str(name))

    # --- runs -------------------------------------------------------------------------------------------

    def start(self, asked: RunAsked) -> Body:
        context = self.context
        row = self._row(asked.environment)
        job = None if asked.job is None else asking.find_deployed_job(context, row, str(asked.job))
        usual = (job and job.refresh.parallelism) or context.settings.parallelism
        request = RunRequest(
            include=asked.include,
            exclude=asked.exclude,
            parallelism=asked.parallelism or usual,
            parameters=asked.parameters,
            force=asked.force,
            strict=asked.strict,
            backfill_from=asked.from_,
            backfill_to=asked.to,
        )
        run, warnings = running.start_refresh(context, row, request, job_id=job.id if job else None)
        return {"run": self.run(run.id), "warnings": list(warnings)}

    def rerun(self, run_id: int, *, same_version: bool, force: bool) -> Body:
        run = running.rerun(self.context, run_id, same_version=same_version, force=force)
        if run is None:
            raise Refused("nothing_to_rerun", f"run {run_id} left nothing undone")
        return {"run": self.run(run.id), "warnings": []}

    def carry_out(self, run_id: int, view: View, stop: Stop) -> None:
        self.opened.worker.run_one(run_id, observer=view, stop=stop)

    def reused(self, run_id: int) -> list[str]:
        steps = self.context.store.steps.list(run_id)
        return [step.step_id for step in steps if step.status is StepStatus.REUSED]

    def cancel(self, run_id: int) -> Body:
        return self.run(running.cancel(self.context, run_id).id)

    def runs(self, asked: RunsAsked, *, limit: int, starting_from: str | None) -> Body:
        context = self.context
        row = None if asked.environment is None else self._row(asked.environment)
        which = RunFilter(
            environment_id=row.environment.id if row else None,
            status=RunStatus(asked.status) if asked.status else None,
            kind=RunKind(asked.kind) if asked.kind else None,
            job_id=None if asked.job is None else asking.job_id_of_runs(context, row, str(asked.job)),
        )
        page = asking.list_runs(context, which, limit=limit, starting_from=starting_from)
        names = asking.environment_names(context)
        data = [bodies.run_body(run, names.get(run.environment_id, "")) for run in page.items]
        return bodies.page(data, page.limit, page.next)

    def run(self, run_id: int) -> Body:
        found = asking.report_run(self.context, run_id)
        return bodies.run_detail(found.run, found.environment.name, found.history, found.steps)

    def logs(self, run_id: int, *, node: str | None = None, failed: bool = False) -> Body:
        report = asking.report_run(self.context, run_id, statements=True)
        steps = report.steps if node is None else (asking.find_step(report, node),)
        if failed:
            steps = tuple(step for step in steps if step.status is StepStatus.FAILED)
        return bodies.results_body(steps, report.statements, report.environment.warehouse.type)

    # --- environments, versions ---------------------------------------------------------------------------

    def environments(self, *, limit: int | None, starting_from: str | None = None) -> Body:
        found = asking.list_environments(self.context, self.known())
        if starting_from is not None:
            after = environment_number(starting_from)
            found = [report for report in found if report.environment.id > after]
        most = limit or ALL
        page, following = found[:most], found[most:]
        next_ = page[-1].environment.id if following else None
        return whole(bodies.page(map(_environment_body, page), most, next_), limit)

    def environment(self, name: Named) -> Body:
        found = asking.show_environment(self.context, str(name), self.known())
        return bodies.environment_detail(
            found.environment, found.row, found.deployments, found.running, found.deployment
        )

    def apply_environments(self, name: str | None) -> Body:
        from headgate.service.project import apply_environments, compile_tree, environment_of

        compiled = compile_tree(self.context)
        named = [environment_of(compiled, name)] if name else [*compiled.environments.values()]
        kept = {one.name: one for one in named}
        apply_environments(self.context, replace(compiled, environments=kept))
        reports = {report.environment.id: report for report in asking.list_environments(self.context)}
        return whole(bodies.page([_environment_body(reports[one.id]) for one in named], 0), None)

    def prepare(
        self, environment: Named | None, *, to: int | None, tag: str | None, apply: bool
    ) -> LocalPlanned:
        from headgate.cli.planned import Wanted, prepare

        name = None if environment is None else str(environment)
        return prepare(self.context, Wanted(name, to, tag), apply=apply)

    def tags(self, *, limit: int, starting_from: str | None) -> Body:
        from headgate.service.project import compile_tree

        project = compile_tree(self.context).manifest.name
        page = asking.list_tags(self.context, project, limit=limit, starting_from=starting_from)
        return bodies.page(map(bodies.tag_body, page.items), page.limit, page.next)

    def create_tag(self, name: str, *, environment: Named | None) -> Body:
        from headgate.service.project import compile_tree
        from headgate.service.versions import tag_deployed, tag_tree

        if environment is not None:
            return bodies.tag_body(tag_deployed(self.context, str(environment), name))
        return bodies.tag_body(tag_tree(self.context, compile_tree(self.context), name))

    # --- what is deployed ---------------------------------------------------------------------------------

    def jobs(self, environment: Named, *, limit: int | None, starting_from: str | None) -> Body:
        from headgate.service import jobs, node_bodies

        found = jobs.list_jobs(self.context, self._row(environment))
        if starting_from is not None:
            found = [placed for placed in found if placed.job.id > job_number(starting_from)]
        most = limit or ALL
        page, following = found[:most], found[most:]
        next_ = page[-1].job.id if following else None
        return whole(bodies.page(map(node_bodies.placed_job_body, page), most, next_), limit)

    def job(self, environment: Named, job: Named) -> Body:
        from headgate.service import jobs, node_bodies

        return node_bodies.placed_job_body(jobs.find_job(self.context, self._row(environment), str(job)))

    def selection(self, environment: Named, include: str, exclude: str, *, strict: bool) -> Body:
        from headgate.service import node_bodies

        catalog = asking.deployed_content(self.context, self._row(environment)).runnable()
        explanation = asking.explain_selection(catalog, include, exclude, strict=strict)
        return node_bodies.explanation_body(catalog, explanation)

    def nodes(
        self, environment: Named, include: str, exclude: str, *, limit: int | None, starting_from: str | None
    ) -> Body:
        from headgate.service import node_bodies

        content = asking.deployed_content(self.context, self._row(environment))
        page = asking.list_nodes(
            content.runnable(), include, exclude, limit=limit or ALL, starting_from=starting_from
        )
        mappings = content.environment().mappings
        made = [node_bodies.located_body(node, mappings.get(node.location)) for node in page.items]
        return whole(bodies.page(made, page.limit, page.next), limit)

    def node(self, environment: Named, name: str) -> Body:
        from headgate.service import node_bodies
        from headgate.service.lineage import find_node

        row = self._row(environment)
        found = find_node(asking.deployed_manifest(self.context, row).nodes, name)
        return node_bodies.deployed_detail(*asking.deployed_nodes(self.context, row, [found.id])[found.id])

    def trace(self, environment: Named, subject: str, *, depth: int | None) -> Body:
        from headgate.service import node_bodies
        from headgate.service.lineage import find_subject, lineage

        nodes = asking.deployed_manifest(self.context, self._row(environment)).nodes
        node, column = find_subject(nodes, subject)
        return node_bodies.lineage_body(lineage(nodes, node, column, depth))


def _environment_body(report: EnvironmentReport) -> Body:
    return bodies.environment_body(report.environment, report.row, report.running, report.deployment)
