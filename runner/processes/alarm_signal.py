"""The signal between supervisor and sandbox process, apart from the code that handles it."""

import signal

STOP_SIGNAL = signal.SIGUSR1
"""What the supervisor sends to end the running guest and still get its usage."""
