"""A random session of an animator (soak.py): 20 seconds of it in the suite, UNITALKER_SOAK_MINUTES of it by hand
(CONTRIBUTING.md)."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from .soak import Session

SECONDS_IN_SUITE = 20
MIB_AT_MOST = 400           # growth in a session of any length; caches and undo steps included


def test_a_random_session_leaves_the_artists_keys_no_error_and_no_thread(ext, speech, tmp_path):
    minutes, sound = os.environ.get("UNITALKER_SOAK_MINUTES"), os.environ.get("UNITALKER_SOAK_SOUND", speech)
    log = Path(os.environ.get("UNITALKER_SOAK_LOG", tmp_path / "soak.json"))
    model = os.environ.get("UNITALKER_SOAK_MODEL")
    import bpy

    if model:
        bpy.context.scene.unitalker.model = model
    session = Session(ext, tmp_path, sound, int(os.environ.get("UNITALKER_SOAK_SEED", "1")))
    outcome = session.run(
        60 * float(minutes) if minutes else SECONDS_IN_SUITE, lambda line: sys.__stderr__.write(f"{line}\n")
    )
    log.write_text(json.dumps(outcome.figures(), indent=1) + "\n" + "\n".join(outcome.failures))
    assert outcome.failures == [], "\n".join(outcome.failures)
    assert sum(outcome.steps.values()) > 10
    figures = outcome.figures()["resident_mib"]
    assert figures["end"] - figures["after_warm_up"] < MIB_AT_MOST
