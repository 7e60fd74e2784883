"""HTTP: requests -> use cases of `service` -> answers. Decides nothing and knows no SQL.

- `app`: everything put together. `gate`: what every request passes. `failures`: errors -> answers.
- `caller`: who asks, as a route sees it. `answers`: bodies -> responses, pages.
- One file per resource; `streams` sends events as they come; `openapi` writes openapi.json.
"""

from headgate.api.app import create_app
from headgate.api.caller import AppContext, Limits
from headgate.wire.base import MOST_HEAD_BYTES

__all__ = ["MOST_HEAD_BYTES", "AppContext", "Limits", "create_app"]
