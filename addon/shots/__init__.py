"""Many lines and files from the command line."""
