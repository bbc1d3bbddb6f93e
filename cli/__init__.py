"""The `sleevesight` command: parse, call, print; no logic."""
