"""What happens to sound before a model meets it: rooms, noise, music, tempo, pitch, colour.

Everything takes and gives mono float (n,) at 16 kHz, full scale +-1. What draws numbers takes a seed or a generator,
and the same one gives the same sound.
"""

from __future__ import annotations

import numpy as np

Seed = int | np.random.Generator

RATE_HZ = 16_000
