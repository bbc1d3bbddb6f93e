"""What the parts cost, each beside what one would use instead: `sleevesight bench micro`."""
