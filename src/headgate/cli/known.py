"""The environments of the project's files, for commands that must also answer while the files are broken."""

from __future__ import annotations

from headgate.cli.invocation import Invocation
from headgate.cli.output import warn
from headgate.errors import ProjectError
from headgate.model.project import Environment
from headgate.service.working_tree import compile_folder


def known_environments(invocation: Invocation) -> list[Environment]:
    try:
        return list(compile_folder(invocation.root, invocation.settings()).environments.values())
    except ProjectError as error:
        warn(f"{error.message}: `headgate compile` shows them; what is deployed is not concerned")
        return []
