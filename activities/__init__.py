"""Effects, against ports: one class per area, dependencies in the constructor, no vendor SDK."""
