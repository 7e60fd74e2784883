"""The refresh steps of nodes made again: with a run's own parameters, or for columns that changed by themselves.

A run that needs neither never imports this module, nor the template engine and the SQL parser behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from headgate.bind.manifest import Binding, rebind_nodes
from headgate.errors import Refused
from headgate.model.bound import BoundNode, BoundTest
from headgate.model.project import Environment, OnSchemaChange, Parameters
from headgate.model.runs import Deployment
from headgate.model.steps import Shapes, Step
from headgate.plan.reshape import reshaped_step
from headgate.plan.steps import project_test_step, refresh_step
from headgate.service.context import Context
from headgate.service.planning import read_manifest
from headgate.store.content import Content
from headgate.warehouse.open import check_config


def rebind(
    context: Context,
    deployment: Deployment,
    environment: Environment,
    parameters: Parameters,
    ids: Sequence[str],
) -> dict[str, Step]:
    """The refresh steps of `ids` with other parameters than the deployed ones.

    Raises Refused `parameter_changes_shape` where a node would read other tables or yield other columns.
    """
    dialect = check_config(environment.warehouse).dialect
    content = Content(context.store, deployment)
    deployed = content.bound(dialect)
    changed = replace(content.environment(), warehouse=environment.warehouse, parameters=parameters)
    warehouse = context.open_warehouse(environment, "headgate refresh")
    try:
        session = warehouse.session()
        try:
            made = rebind_nodes(
                read_manifest(content),
                Binding(
                    changed, dialect, session.describe, root=str(context.root or ""), previous=deployed.nodes
                ),
                deployed,
                ids,
            )
        finally:
            session.close()
    finally:
        warehouse.close()
    return {name: _step(value, deployed.nodes.get(name), dialect) for name, value in made.items()}


def reshape(
    context: Context, deployment: Deployment, environment: Environment
) -> Callable[[Step, Shapes], Step]:
    """A function that rebuilds a step of `deployment` for the columns that its query and table have now."""
    dialect = check_config(environment.warehouse).dialect

    def rebuild(step: Step, shapes: Shapes) -> Step:
        node = Content(context.store, deployment).bound(dialect, [step.id]).nodes[step.id]
        return reshaped_step(node, step, shapes, dialect)

    return rebuild


def _step(made: BoundNode | BoundTest, old: BoundNode | None, dialect: str) -> Step:
    if isinstance(made, BoundTest):
        return project_test_step(made)
    assert old is not None
    if made.depends_on != old.depends_on or made.columns != old.columns:
        raise Refused(
            "parameter_changes_shape",
            f"with these parameters {made.id} would read other tables or yield other columns than deployed",
            hint="deploy the parameters instead of giving them to one run",
        )
    step = refresh_step(made, dialect)
    if step.shape is None:
        return step
    # A step for other columns is made from what is deployed, and would forget these parameters.
    return replace(step, shape=replace(step.shape, policy=OnSchemaChange.FAIL, table_query=""))
