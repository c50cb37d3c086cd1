"""The parts of the package format; use them through `schema.package` and `schema.manifest`."""
