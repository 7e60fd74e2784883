"""Settings, read once at the edge into one frozen value: file < environment variable < flag.

- `declared`: every setting there is; `values` reads one of them. `frozen`: the value that everybody gets.
- `loading`: where they come from, the only reader of `os.environ`. `reference` writes their page.
"""

from headgate.settings.declared import KEY_VARIABLE, SETTINGS
from headgate.settings.frozen import Settings
from headgate.settings.loading import debugging, load
from headgate.settings.values import NO_SERVER

__all__ = ["KEY_VARIABLE", "NO_SERVER", "SETTINGS", "Settings", "debugging", "load"]
