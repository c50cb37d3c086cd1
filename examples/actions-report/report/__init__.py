"""A report on a CSV table, with a chart. Needs nothing but Python 3.10 or newer."""
