"""The command `spell` in this process."""

import pytest

from cli.main import main


def spell(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the command with these arguments; its exit code."""
    monkeypatch.setattr("sys.argv", ["spell", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code
