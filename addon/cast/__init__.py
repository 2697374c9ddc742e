"""Scene list: which line is said by whom, and Generate All."""
