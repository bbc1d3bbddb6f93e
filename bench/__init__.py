"""Replay, measurements and reports."""
