"""What keeps the processes alive on the Pi: supervisord, and systemd around it (docs/service.md)."""
