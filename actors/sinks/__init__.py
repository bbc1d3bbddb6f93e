"""Where results go: one file per sink, found by the entry point group `sleevesight.sinks`."""
