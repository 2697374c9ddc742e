"""The lines of sound that a character says already: listed, made again, changed, given away."""
