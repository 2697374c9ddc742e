"""Results written to files for other programs: curves, Live Link Face columns, MetaHuman controls.

Writes finished motion; changes none.
"""
