"""Where the keys that seal secrets come from: the setting `secret_key`, else a file beside the embedded state."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from headgate.errors import Refused, StateError
from headgate.identity.private_file import write_new, write_private
from headgate.identity.sealing import MAKE_ONE, Sealer, new_key
from headgate.model.secret import Secret
from headgate.settings import KEY_VARIABLE

KEY_FILE = "secret.key"


def sealer(given: Secret | None, folder: Path | None, *, may_make: bool) -> Sealer:
    """The keys of the setting, parted by commas; else those of `folder`, where a file is made at first use.

    `folder` is None where the state is shared by machines: what one of them kept in a file, the others could not
    open. `may_make` is False once secrets are sealed: another key would not open them.
    Raises UsageError `secret_key_invalid`, Refused `secret_key_needed`, StateError `secret_key_gone`.
    """
    if given is not None:
        return Sealer(_parted(given), KEY_VARIABLE)
    if folder is None:
        raise Refused(
            "secret_key_needed",
            f"secrets in a state that machines share need the key in {KEY_VARIABLE}",
            hint=f"{MAKE_ONE}; give the same one to every server, worker and command",
        )
    path = folder / KEY_FILE
    keys = read_keys(path)
    if not keys:
        if not may_make:
            raise StateError(
                "secret_key_gone",
                f"the key that sealed the secrets, {path}, is not there",
                hint=f"put the file back, or its text into {KEY_VARIABLE}; without it, delete the secrets "
                "(`headgate secret delete`) and set them again",
            )
        write_new(path, f"{new_key().reveal()}\n")  # where another process was faster, its key counts
        keys = read_keys(path)
    return Sealer(keys, str(path))


def read_keys(path: Path) -> list[Secret]:
    """Raises StateError `secret_key_unreadable`."""
    try:
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or "") if isinstance(error, OSError) else "it is no text"
        raise StateError("secret_key_unreadable", f"cannot read the key {path}: {reason}") from error
    return _parted(Secret(text.replace("\n", ",")))


def write_keys(path: Path, keys: Sequence[Secret]) -> None:
    write_private(path, "".join(f"{key.reveal()}\n" for key in keys))


def _parted(keys: Secret) -> list[Secret]:
    return [Secret(key.strip()) for key in keys.reveal().split(",") if key.strip()]
