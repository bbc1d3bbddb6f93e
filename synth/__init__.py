"""Generated cards and rendered table scenes with their truth: for demos, tests, measurements and training."""
