"""From a module that nobody vouches for to compiled code that sandbox processes trust."""
