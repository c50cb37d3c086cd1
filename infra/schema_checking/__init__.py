"""The killable process behind `infra.schema_checker`: its rules, and what it answers."""
