"""Which sounds a scene has, and where: helpers of strip_audio.py."""
