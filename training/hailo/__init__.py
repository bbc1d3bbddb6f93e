"""From a trained network to a file for the Hailo-8: what its compiler is given, and the compiler's run."""
