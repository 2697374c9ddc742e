"""Many lines and files without a window: jobs files, their plan, run and report.

Stands above the features, beside the panel; called by the command line only.
"""
