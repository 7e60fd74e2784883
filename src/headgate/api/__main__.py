"""`python -m headgate.api` writes openapi.json into the working folder; with `--check`, says whether it is stale."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from headgate.api.app import routes

FILE = "openapi.json"


def text() -> str:
    """The file, whole."""
    return json.dumps(routes().openapi(), indent=1, ensure_ascii=False) + "\n"


def main() -> int:
    path = Path(FILE)
    if "--check" not in sys.argv[1:]:
        path.write_text(text(), encoding="utf-8")
        return 0
    if path.is_file() and path.read_text(encoding="utf-8") == text():
        return 0
    sys.stderr.write(f"{FILE} is stale: make openapi\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
