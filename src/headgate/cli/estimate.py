"""How long a run may still take: from what its steps usually take, and from the chain that cannot be shortened.
Pure; told of steps as they start and end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headgate.model.steps import Step


class Estimate:
    """Steps without a known duration count as the mean of those that have one."""

    def __init__(self, steps: Sequence[Step], usual_seconds: Mapping[str, float], lanes: int) -> None:
        mean = sum(usual_seconds.values()) / len(usual_seconds) if usual_seconds else 0.0
        self._seconds = {step.id: usual_seconds.get(step.id, mean) for step in steps}
        self._known = bool(usual_seconds)
        self._lanes = max(1, lanes)
        self._open = set(self._seconds)
        self._started: dict[str, float] = {}
        self._left = sum(self._seconds.values())
        self._chain = _chains(steps, self._seconds)

    def start(self, step_id: str, at: float) -> None:
        self._started[step_id] = at

    def end(self, step_id: str) -> None:
        if step_id in self._open:
            self._open.discard(step_id)
            self._left -= self._seconds[step_id]
        self._started.pop(step_id, None)

    def remaining(self, now: float) -> float | None:
        """Seconds, or None where nothing is known of any step."""
        if not self._known or not self._open:
            return None
        passed = {name: min(now - at, self._seconds[name]) for name, at in self._started.items()}
        spread = (self._left - sum(passed.values())) / self._lanes
        longest = max(self._chain[name] - passed.get(name, 0.0) for name in self._open)
        return max(spread, longest, 0.0)


def _chains(steps: Sequence[Step], seconds: Mapping[str, float]) -> dict[str, float]:
    """For each step, how long it and the longest chain that waits for it take. `steps` are in dependency order."""
    chain = dict(seconds)
    for step in reversed(steps):
        for parent in step.depends_on:
            if parent in chain:
                chain[parent] = max(chain[parent], seconds[parent] + chain[step.id])
    return chain
