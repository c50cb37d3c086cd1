"""`python -m runner.compiling.name_engine`: prints the name of the engine that compiles here.

For the platform, which loads no compiler and yet must know which code its runners will ask for.
"""

import sys

from runner.sandbox.engine import engine_name

if __name__ == "__main__":
    sys.stdout.write(engine_name())
