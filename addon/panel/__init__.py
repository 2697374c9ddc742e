"""Parts of the panel."""
