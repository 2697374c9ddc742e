"""Match by Shape: keys found by what they do."""
