"""`headgate completion`: the script that makes a shell ask us what can follow."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from headgate.cli import flags, output

_VARIABLE = "_HEADGATE_COMPLETE"


@flags.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, *, shell: str) -> None:
    """Print the script that completes commands, flags and the names of nodes, jobs, environments and runs.

    \b
    Examples:
      headgate completion bash >> ~/.bashrc
      headgate completion zsh >> ~/.zshrc
      headgate completion fish > ~/.config/fish/completions/headgate.fish
    """
    made = get_completion_class(shell)
    assert made is not None
    complete = made(ctx.find_root().command, {}, "headgate", _VARIABLE)
    # Not complete.source(): that one starts a shell to look at its version.
    output.show(complete.source_template % complete.source_vars())
