"""The command line: words in, words out. Decides nothing: it calls `service` and `worker`, and prints.

- `main`: the commands and their flags. `errors`: an error as one line and a hint. `output`: tables and JSON.
- `embedded`: the state and the worker of a command that runs without a server. `progress`: a run as it goes.
- `author` (init, demo, compile, plan, nodes), `operate` (deploy, refresh, rerun, cancel, runs, jobs, …).
"""
