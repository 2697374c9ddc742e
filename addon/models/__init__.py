"""Models and identities: picked, added, removed."""
