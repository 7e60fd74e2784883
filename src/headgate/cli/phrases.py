"""What a run and a deployment are called in a few words."""

from __future__ import annotations

from headgate.client.answers import EnvironmentInfo
from headgate.model.runs import Run, RunKind


def what(run: Run) -> str:
    """What a run was asked to do, in a few words."""
    request = run.request
    if run.kind is RunKind.DEPLOY:
        return ""
    if request.include or request.exclude:
        parts = [request.include, f"without {request.exclude}" if request.exclude else ""]
        words = " ".join(part for part in parts if part)
    else:
        words = f"job {run.job_id} {run.job_name or ''}".strip() if run.job_id is not None else "all"
    words = words if len(words) <= 50 else words[:49] + "…"
    return f"{words}, rerun of {run.rerun_of}" if run.rerun_of is not None else words


def deployment_text(environment: EnvironmentInfo) -> str:
    mark = "last deploy failed" if environment.marked else ""
    deployment = environment.deployment
    if deployment is None:
        return mark or "nothing deployed"
    text = f"{deployment.number} ({deployment.version})" if deployment.version else str(deployment.number)
    return f"{text}, {mark}" if mark else text
