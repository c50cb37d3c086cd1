"""A local GitHub for development and tests: what its REST API documents, for unmodified clients.

`state` holds people, Apps, repositories and tokens; `rest/` are the routes over it; `actions/` runs
workflow files. `host` is the seam between the two. Nothing of it is used in production.
"""
