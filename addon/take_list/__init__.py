"""The list of takes in the panel and its operators.

What a take is stands in `take`; knows no other feature.
"""
