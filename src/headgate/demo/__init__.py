"""The demo: the example project `tpch` as it ships with the package, and real input for it at any scale.

`project` writes the files, `data` makes and loads the tables. What is done with them is up to the caller.
"""

from headgate.demo.data import load_data
from headgate.demo.project import write_project

__all__ = ["load_data", "write_project"]
