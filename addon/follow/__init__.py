"""Takes that follow their strips."""
