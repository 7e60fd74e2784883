"""HTTP: requests -> use cases of `service` -> answers. Decides nothing and knows no SQL.

- `app`: everything put together. `protocol`: HTTP itself. `gate`: what every request passes. `failures`: errors ->
  answers.
- `caller`: who asks, as a route sees it. `answers`: bodies -> responses, pages.
- One file per resource; `streams` sends events as they come; `openapi` writes openapi.json.
"""

from headgate.api.app import create_app
from headgate.api.caller import AppContext, Limits

__all__ = ["AppContext", "Limits", "create_app"]
