"""Each open stream is a file: the soft limit of a login shell is a thousand."""

import resource

OPEN_FILES_WANTED = 65_536


def allow_open_files() -> None:
    """Raise the soft limit on open files as far as the hard one lets us, up to what is wanted."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    wanted = OPEN_FILES_WANTED if hard == unlimited else min(hard, OPEN_FILES_WANTED)
    if soft != unlimited and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
