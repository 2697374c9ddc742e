"""Waveform, phones and curves of the chosen take, drawn over the editors.

The only folder that uses the graphics card. Plans in plain values first, then draws; changes no data.
"""
