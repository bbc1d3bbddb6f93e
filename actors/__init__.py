"""One file per process, and what they plug in: sources, backends, sinks."""
