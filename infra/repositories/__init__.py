"""SQL. Each public method of a repository is one transaction; helpers take its connection."""
