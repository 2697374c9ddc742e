"""Who does the tasks of a batch: this process, other processes of this computer, or those of a Ray cluster.

Knows tasks, results and what becomes of them where a worker dies; not what a task is, and neither sound nor journal.
"""
