"""What runs the embedding model: one file per engine."""
