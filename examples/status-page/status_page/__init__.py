"""A status page: looks at sites, remembers what it saw, and writes one HTML file."""
