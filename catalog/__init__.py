"""What cards exist: metadata, building, verifying and searching the index."""
