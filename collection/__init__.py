"""Which cards somebody owns: what was seen and what people said of it, in one SQLite file (docs/collection.md)."""
