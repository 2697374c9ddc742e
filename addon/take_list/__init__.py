"""take_list."""
