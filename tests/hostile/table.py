"""The hostile corpus as one table: every guest, what it is given, how it must end.

Its rows are in `cases/`, by what they attack.
"""

from tests.hostile.case import Case
from tests.hostile.cases import (
    artifacts,
    calls,
    computing,
    files,
    memory,
    network,
    numbers,
    streams,
)
from tests.hostile.cases import time as time_and_chance

TABLE: tuple[Case, ...] = (
    *computing.CASES,
    *memory.CASES,
    *streams.CASES,
    *time_and_chance.CASES,
    *calls.CASES,
    *files.CASES,
    *artifacts.CASES,
    *numbers.CASES,
    *network.CASES,
)
