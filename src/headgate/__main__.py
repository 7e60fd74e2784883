"""The command `headgate`. Ctrl-C while its modules are still read ends it in one line, as it does later."""

import sys


def run() -> int:
    try:
        from headgate.cli.main import run as carry_out
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return 1
    return carry_out()


if __name__ == "__main__":
    sys.exit(run())
