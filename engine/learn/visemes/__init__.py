"""visemes."""
