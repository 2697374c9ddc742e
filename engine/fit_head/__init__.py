"""fit_head."""
