"""Map It Yourself: a mapping made by hand becomes a preset."""
