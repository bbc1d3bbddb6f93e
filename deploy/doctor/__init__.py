"""`sleevesight doctor`: looks at everything that the system needs, and says what to do about what is wrong."""
