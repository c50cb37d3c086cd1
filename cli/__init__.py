"""The command `spell`: one file per group of commands."""
