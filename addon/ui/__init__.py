"""The panels Audio, Character, Style and Output, the button Generate, Try It and dropped sounds.

Draws and calls; what happens stands in the folders below.
"""
