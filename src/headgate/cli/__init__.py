"""The command line: words in, words out. Decides nothing: it calls `service` and `worker`, and prints.

- `main`: the table of commands, and the outermost function. `invocation`: the project and settings of one call.
- `flags`: flags that commands share. `completing`: names for the shell. `output`, `errors`: what is printed.
- `embedded`: the state and the worker of a command that runs without a server. `carrying`: a run from start to end,
  with `signals`, `progress` (`live` on a terminal, `estimate`) and `out_file`.
- `commands`: one module per command.
"""
