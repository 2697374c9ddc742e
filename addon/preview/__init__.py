"""Look at it: playback, overlay, contact sheet, playblast."""
