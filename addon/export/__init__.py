"""Ready for other programs."""
