"""The metric recipe: a small network from scratch, degraded views against clean ones, for when there is no teacher."""
