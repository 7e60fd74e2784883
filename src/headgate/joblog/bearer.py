"""A JSON Web Token -> its claims, or why it is not believed (RFC 7519; PostgREST's references/auth).

Signed with HS256 and a secret that both sides know. Times may be off by half a minute.
"""

from __future__ import annotations

from typing import Any

from headgate.joblog.refusal import Refusal
from headgate.model.secret import Secret

LEEWAY_SECONDS = 30
ALGORITHM = "HS256"


def read_jwt(token: str, secret: Secret, now_seconds: float) -> dict[str, Any]:
    """Raises Refusal PGRST301 for what is no token of ours, PGRST303 for claims that do not hold now."""
    import jwt  # takes long, and few servers need it

    parts = token.count(".") + 1
    if not token:
        raise _undecoded("Empty JWT is sent in Authorization header")
    if parts != 3:
        raise _undecoded(f"Expected 3 parts in JWT; got {parts}")
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            secret.reveal(),
            algorithms=[ALGORITHM],
            options={"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False},
        )
    except jwt.InvalidAlgorithmError:
        raise _undecoded("Wrong or unsupported encoding algorithm") from None
    except jwt.InvalidSignatureError:
        raise _undecoded(
            "No suitable key or wrong key type", "None of the keys was able to decode the JWT"
        ) from None
    except jwt.PyJWTError:
        raise _undecoded("JWT cryptographic operation failed") from None
    _check_times(claims, now_seconds)
    audience = claims.get("aud")
    if not (audience is None or isinstance(audience, str)) and not (
        isinstance(audience, list) and all(isinstance(one, str) for one in audience)
    ):
        raise unbelieved("PGRST303", "The JWT 'aud' claim must be a string or an array of strings")
    return claims


def unbelieved(code: str, message: str, details: str | None = None) -> Refusal:
    described = message.replace("\\", "\\\\").replace('"', '\\"')
    challenge = f'Bearer error="invalid_token", error_description="{described}"'
    return Refusal(401, code, message, details=details, challenge=challenge)


def _undecoded(message: str, details: str | None = None) -> Refusal:
    return unbelieved("PGRST301", message, details)


def _check_times(claims: dict[str, Any], now: float) -> None:
    for name in ("exp", "nbf", "iat"):
        at = claims.get(name)
        if at is not None and (isinstance(at, bool) or not isinstance(at, int | float)):
            raise unbelieved("PGRST303", f"The JWT '{name}' claim must be a number")
    late, early = now - LEEWAY_SECONDS, now + LEEWAY_SECONDS
    if (expires := claims.get("exp")) is not None and expires < late:
        raise unbelieved("PGRST303", "JWT expired")
    if (begins := claims.get("nbf")) is not None and begins > early:
        raise unbelieved("PGRST303", "JWT not yet valid")
    if (issued := claims.get("iat")) is not None and issued > early:
        raise unbelieved("PGRST303", "JWT issued at future")
