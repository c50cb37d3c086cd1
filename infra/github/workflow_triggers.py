"""What starts a GitHub Actions workflow, by its YAML."""

import yaml


def triggers_of(source: bytes) -> frozenset[str]:
    """The events under `on`; none of a file that cannot be read.

    YAML 1.1 reads the bare word `on` as true, so it is a key of either kind.
    """
    try:
        document = yaml.safe_load(source)
    except (yaml.YAMLError, RecursionError, ValueError):
        return frozenset()
    if not isinstance(document, dict):
        return frozenset()
    triggers = document.get("on", document.get(True))
    if isinstance(triggers, str):
        return frozenset({triggers})
    if isinstance(triggers, list | dict):
        return frozenset(str(name) for name in triggers)
    return frozenset()
