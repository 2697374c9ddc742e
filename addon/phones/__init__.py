"""Phones on the timeline: shown, edited, solved again."""
