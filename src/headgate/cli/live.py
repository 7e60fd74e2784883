"""A run as it goes, drawn on a terminal: how many are done, what runs and for how long, what failed, the rest.

Imported only where stderr is a terminal.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from headgate.cli.estimate import Estimate
from headgate.cli.output import seconds
from headgate.cli.progress import Tally, step_line
from headgate.model.runs import Run
from headgate.model.steps import Step, StepOutcome, StepStatus

MOST_RUNNING = 8
_TOLD = (StepStatus.FAILED, StepStatus.WARNING)


def open_view(done_before: Callable[[int], Collection[str]], *, color: bool | None) -> LiveView | None:
    """A view that draws from now on; None where the terminal cannot move its cursor."""
    console = Console(stderr=True, no_color=color is False, highlight=False)
    return None if console.is_dumb_terminal else LiveView(done_before, console)


class LiveView:
    """An observer. Failures are printed above the picture and stay; the picture goes at the end."""

    def __init__(self, done_before: Callable[[int], Collection[str]], console: Console) -> None:
        self._console = console
        self._lock = threading.RLock()
        self._tally = Tally(done_before)
        self._estimate: Estimate | None = None
        self._note = ""
        self._title = ""
        self._begun = time.time()
        self._live = Live(
            console=self._console, refresh_per_second=8, transient=True, get_renderable=self._draw
        )
        self._live.start()

    def waiting(self, reason: str) -> None:
        with self._lock:
            self._note = f"waiting: {reason}"

    def say(self, text: str) -> None:
        with self._lock:
            self._note = text

    def planned(self, run: Run, steps: Sequence[Step], usual_seconds: Mapping[str, float]) -> None:
        with self._lock:
            self._tally.planned(run, steps)
            self._estimate = Estimate(steps, usual_seconds, run.request.parallelism)
            self._title = f"{run.kind.value} {run.id}"
            self._note = ""
            self._begun = time.time()

    def step_started(self, step: Step, at: datetime) -> None:
        with self._lock:
            self._tally.started(step, at.timestamp())
            if self._estimate is not None:
                self._estimate.start(step.id, at.timestamp())

    def step_finished(self, step: Step, outcome: StepOutcome, at: datetime) -> None:
        with self._lock:
            started = self._tally.running.get(step.id)
            self._tally.finished(step, outcome)
            if self._estimate is not None:
                self._estimate.end(step.id)
        if outcome.status in _TOLD:
            lasted = at.timestamp() - started[1] if started else None
            style = "red" if outcome.status is StepStatus.FAILED else "yellow"
            self._console.print(Text(step_line(step, outcome, lasted, color=False), style=style))

    def close(self) -> None:
        self._live.stop()

    def _draw(self) -> RenderableType:
        with self._lock:
            now = time.time()
            rows: list[RenderableType] = [self._head(now)]
            longest = sorted(self._tally.running.values(), key=lambda pair: pair[1])
            for step, started in longest[:MOST_RUNNING]:
                rows.append(Text(f"  {seconds(now - started):>7}  {step.id}", style="dim"))
            if len(longest) > MOST_RUNNING:
                rows.append(Text(f"           and {len(longest) - MOST_RUNNING} more", style="dim"))
            if self._note:
                rows.append(Text(f"  {self._note}", style="yellow"))
            return Group(*rows)

    def _head(self, now: float) -> RenderableType:
        tally = self._tally
        words = [f"{tally.done}/{tally.total}", seconds(now - self._begun)]
        if failed := tally.counts.get(StepStatus.FAILED, 0):
            words.append(f"[red]{failed} failed[/red]")
        rest = self._estimate.remaining(now) if self._estimate is not None else None
        if rest is not None and rest >= 1:
            words.append(f"about {seconds(round(rest))} left")
        line = Table.grid(padding=(0, 1))
        line.add_row(
            Text(self._title or "starting"),
            ProgressBar(
                total=max(tally.total, 1),
                completed=tally.done,
                width=30,
                complete_style="blue",
                finished_style="green",
            ),
            "  ".join(words),
        )
        return line
