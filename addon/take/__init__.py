"""take."""
