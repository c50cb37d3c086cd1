"""Tells a guest that took too long from a host that gave it nothing to run on."""

from runner.processes.guest_run import Finished, Killed

# Between a crowded host, where a guest takes its turns, and one that stands still.
_BUSY_SHARE_MIN = 0.25


def was_starved(end: Finished | Killed, timeout_ms: int) -> bool:
    """Whether a run is out of time although its guest neither computed nor waited for most of it.

    A process that is stopped, or has no share of the processor, comes to its end without having
    done anything: that is the platform's fault, and must not be charged.

    Args:
        end: how the run ended.
        timeout_ms: its limit.
    """
    if isinstance(end, Killed):
        idle = end.cpu_ms < _BUSY_SHARE_MIN * timeout_ms
        return end.code == "TIME_EXCEEDED" and idle and not end.asleep
    report = end.report
    busy_ms = report.cpu_ms + report.waited_ms
    return report.code == "TIME_EXCEEDED" and busy_ms < _BUSY_SHARE_MIN * timeout_ms
