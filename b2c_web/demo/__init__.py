"""Demo data: one workshop with all that it needs, and big sets for measuring. Nobody in it exists."""
