"""A package of its own name: other packages install a `tests` too."""
