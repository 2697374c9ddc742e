"""Results written to files for other programs: curves, Live Link Face columns, MetaHuman controls.

Jobs files and the journals of batches too. Writes finished motion and changes none; does not know what a job is.
"""
