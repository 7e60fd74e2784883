"""Another job log, read over HTTP as any client of PostgREST reads it: from its oldest record on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from headgate import __version__
from headgate.client.connection import Answer, Connections, Request, Unanswered
from headgate.errors import HeadgateError, NotFound, ServerUnavailable, UsageError
from headgate.joblog.importing import Origin, newest_query, page_query, read_id
from headgate.model.secret import Secret

PAUSES = (0.2, 1.0, 3.0, 8.0)
"""Seconds before each further try of a question that got no answer, or that of a server in trouble."""
ANSWER_SECONDS = 60.0
IDS_AT_ONCE = 200
"""Of one question; an address should stay below 2,000 characters or so."""

_TROUBLE = frozenset({429, 500, 502, 503, 504})
_SHOWN = 200


class OtherLog:
    """`page` is how many records are asked for at once. `sleep` is the time's own, but in tests.

    Every question raises ServerUnavailable `import_unavailable`, UsageError (`import_token_refused`, `import_refused`,
    `import_record_invalid`), NotFound `import_table_not_found`, HeadgateError `import_unreadable`.
    """

    def __init__(
        self,
        origin: Origin,
        token: Secret | None,
        page: int,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.origin = origin
        self._page = page
        self._sleep = sleep
        self._headers = {"User-Agent": f"headgate/{__version__}", "Accept": "application/json"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {_checked(token)}"
        self._connections = Connections(origin.url, ANSWER_SECONDS)

    def close(self) -> None:
        self._connections.close()

    def newest(self) -> int | None:
        """The largest id that there is; None for a log without records."""
        found = self._records(newest_query(self.origin.name))
        return read_id(self.origin, found[0]) if found else None

    def page(self, after: int | None) -> list[Any]:
        """Records above `after`, the oldest first; none at the end. There may be fewer than a page has before that:
        some servers give no more at once."""
        return self._above(after, page_query(self.origin.name, after=after, limit=self._page))

    def among(self, ids: Sequence[int]) -> list[Any]:
        """Those of `ids` that are there, in their order; IDS_AT_ONCE at most."""
        found: list[Any] = []
        after: int | None = None
        while len(found) < len(ids):
            some = self._above(after, page_query(self.origin.name, after=after, ids=ids))
            if not some:
                break
            found += some
            after = read_id(self.origin, some[-1])
        return found

    def _above(self, after: int | None, query: str) -> list[Any]:
        """Whatever does not heed the question would be asked for ever."""
        found = self._records(query)
        before = after
        for one in found:
            number = read_id(self.origin, one)
            if before is not None and number <= before:
                raise HeadgateError(
                    "import_unreadable",
                    f"{self.origin.url} answers record {number} behind record {before}, though it was asked for those "
                    "above it in the order of their ids",
                    hint="is it the address of a table that PostgREST serves?",
                )
            before = number
        return found

    def _records(self, query: str) -> list[Any]:
        answer = self._answered(query)
        try:
            body = msgspec.json.decode(answer.content)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            body = None
        if not 200 <= answer.status < 300:
            raise self._refused(answer, body)
        if isinstance(body, list):
            return body
        raise self._unreadable(answer, body)

    def _answered(self, query: str) -> Answer:
        request = Request("GET", f"?{query}", self._headers)
        pauses = iter(PAUSES)
        while True:
            cause: Unanswered | None = None
            try:
                answer = self._connections.ask(request)
            except Unanswered as error:
                problem, cause = f"no answer from {self.origin.url}: {error}", error
            else:
                if answer.status not in _TROUBLE:
                    return answer
                problem = f"{self.origin.url} answers {answer.status}{_told(answer)}"
            pause = next(pauses, None)
            if pause is None:
                raise ServerUnavailable(
                    "import_unavailable",
                    problem,
                    hint="is this its address? The same command goes on from where it came to",
                ) from cause
            self._sleep(pause)

    def _refused(self, answer: Answer, body: Any) -> HeadgateError:
        url, told = self.origin.url, _told(answer, body)
        match answer.status:
            case 401 | 403:
                shown = "Authorization" in self._headers
                return UsageError(
                    "import_token_refused",
                    f"{url} does not take the token ({answer.status}){told}"
                    if shown
                    else f"{url} wants a token ({answer.status}){told}",
                    hint="set HEADGATE_IMPORT_TOKEN to one that may read the table, or give it with --token",
                )
            case 404:
                return NotFound(
                    "import_table_not_found",
                    f"there is no table at {url}{told}",
                    hint=f"the address is that of the table, such as {_root(url)}/jobs",
                )
            case status if 300 <= status < 400:
                place = answer.headers.get("Location", "")
                return UsageError(
                    "import_refused",
                    f"{url} answers {status}: it has moved{f' to {place}' if place else ''}",
                    hint="use its own address: a token is not sent on to another one",
                )
        if body is None:
            return self._unreadable(answer, body)
        return UsageError(
            "import_refused",
            f"{url} refuses the question ({answer.status}){told}",
            hint="an import needs a table with the nine columns of the job log, and no view without an id",
        )

    def _unreadable(self, answer: Answer, body: Any) -> HeadgateError:
        kind = answer.headers.get("Content-Type", "").partition(";")[0] or "no type"
        hint = "is it the address of a table that PostgREST serves, and what stands between?"
        if isinstance(body, dict) and ("paths" in body or "swagger" in body):
            hint = f"it describes a server: name its table, {self.origin.url}/jobs"
        return HeadgateError(
            "import_unreadable",
            f"{self.origin.url} answers {answer.status} with {kind}, and not with a list of records",
            hint=hint,
        )


def _told(answer: Answer, body: Any = None) -> str:
    """What the server says of it, where it does."""
    if body is None:
        try:
            body = msgspec.json.decode(answer.content)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return ""
    message = body.get("message") if isinstance(body, dict) else None
    return f": {' '.join(message.split())[:_SHOWN]}" if isinstance(message, str) and message else ""


def _root(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _checked(token: Secret) -> str:
    text = token.reveal()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise UsageError(
            "import_token_refused",
            "HEADGATE_IMPORT_TOKEN is no token",
            hint="it is one word of letters, digits and signs, without `Bearer`",
        )
    return text
