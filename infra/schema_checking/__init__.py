"""The killable process behind `infra.schema_checker`: its rules, its loop and its parent's end."""
