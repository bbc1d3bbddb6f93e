"""Pure functions on pixels and quads; no I/O, no bus, nothing else of ours."""
