"""Learning: corpus, training, export and evaluation. Needs the extra `unitalker[learn]`."""
