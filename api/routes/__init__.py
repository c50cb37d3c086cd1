"""One module per resource; handlers authenticate, validate, make one call, return."""
