"""The modeller of the lip-sync test head: a stylised face made by code, with the 52 ARKit shapes.

`python -m tests.demo.head` models it and writes the file that the add-on ships. Knows geometry and anatomy, nothing of
Blender.
"""
