"""What a worker is given by whoever starts it, and who watches it: functions that reach layers which it must not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from headgate.engine.step import Reshape
from headgate.engine.stop import Stop
from headgate.model.project import Environment, Parameters
from headgate.model.runs import Deployment, Run
from headgate.model.steps import Step, StepSink
from headgate.store.store import Store
from headgate.warehouse.base import Warehouse

OpenWarehouse = Callable[[Environment, str, Stop], Warehouse]
"""(environment, who asks, what ends the wait for it) -> its warehouse. Raises KeyboardInterrupt where it is ended."""


class Rebind(Protocol):
    """Makes the refresh steps of nodes again, with parameters other than the deployed ones. Raises Refused
    `parameter_changes_shape` where that would change edges or columns."""

    def __call__(
        self, deployment: Deployment, environment: Environment, parameters: Parameters, ids: Sequence[str]
    ) -> dict[str, Step]: ...


class Equipment(Protocol):
    """`rebind` is None where a run with other parameters than the deployed ones is refused; `reshape` where a query
    that yields other columns than deployed is."""

    @property
    def store(self) -> Store: ...

    @property
    def open_warehouse(self) -> OpenWarehouse: ...

    @property
    def rebind(self) -> Rebind | None: ...

    @property
    def reshape(self) -> Callable[[Deployment], Reshape] | None: ...


class Observer(StepSink, Protocol):
    """A person's view of a run as it goes: told of the steps before the first of them starts."""

    def planned(self, run: Run, steps: Sequence[Step], usual_seconds: Mapping[str, float]) -> None: ...

    def waiting(self, reason: str) -> None: ...
