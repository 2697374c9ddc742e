"""A long random session: an animator who generates, restyles, undoes, saves and loads for half an hour, with a fixed
seed.

After every step: no error, the artist's own keys bit for bit as they were, no thread, no timer and no job left. Memory
is noted and its slope told. `test_soak.py` runs it: 20 seconds in the suite, as long as you like by hand
(CONTRIBUTING.md).
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import hashlib
import json
import random
import re
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import bpy
import numpy as np

from . import as_before
from .conftest import make_face, own_action
from .fake_window import FakeContext, FakeOperator, event, tick_to_end

# on the scene: hash of the artist's keys as the artist left them; undo and loading take it back with the keys
MARK = "artist's keys"
ARTISTS = ("Mine", "Mine too")  # Actions of the artist
FPS = 24
WARM_UP_SHARE = 0.2             # of the steps before memory counts: caches and undo steps fill up first
WARM_UP_STEPS = 60
NOTE_EVERY_S = 30.0
COLLECT_EVERY = 10              # steps; what Python still holds is no leak
REGIONS = ("jaw", "lips", "cheeks", "brows")
GROUP = "Lip Sync"              # of curves that are ours, also in an Action of the artist
REFUSALS = (                    # what an animator is rightly told now and then; nothing changes then
    "so there is nothing to make a slot in", "An Action has no slots before Blender 4.4",
    "a part of it would not fit the rest", "lie outside of this sound",
    "a range of it cannot go elsewhere",
)
DESTINATIONS = ('ACTION', 'ACTION', 'SLOT', 'NLA')


@dataclass
class Outcome:
    """What a session did.

    Attributes:
        steps: name -> how often; seconds: name -> time in all. failures: one text each.
        refused: steps that the add-on rightly refused (REFUSALS).
        emptied_mib: what stays when the file is closed and our stores of recent work are emptied: a leak would be in
            there.
        memory: (step number, resident MiB) after every step.
        parts: what holds it, MiB, every NOTE_EVERY_S and when emptied (held_mib).
    """

    seed: int
    steps: Counter[str] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    refused: int = 0
    emptied_mib: tuple[float, float] = (0.0, 0.0)
    memory: list[tuple[int, float]] = field(default_factory=list)
    parts: list[dict[str, float]] = field(default_factory=list)

    @property
    def slope_kib(self) -> float:
        """Growth per step in KiB, after the warm-up, as the line of least squares."""
        counted = np.array(self.memory[int(len(self.memory) * WARM_UP_SHARE):])
        return float(np.polyfit(counted[:, 0], counted[:, 1], 1)[0]) * 1024 if len(counted) > 2 else 0.0

    def figures(self) -> dict[str, object]:
        """For people and for docs/SOAK.md."""
        n_steps, warm = sum(self.steps.values()), int(len(self.memory) * WARM_UP_SHARE)
        return {
            "blender": bpy.app.version_string, "seed": self.seed, "steps": n_steps, "refused": self.refused,
            "failures": len(self.failures),
            "minutes": round(sum(self.seconds.values()) / 60, 2),
            "resident_mib": {
                "after_warm_up": round(self.memory[warm][1]), "end": round(self.memory[-1][1]),
                "highest": round(max(m for _, m in self.memory)), "emptied_before": round(self.emptied_mib[0]),
                "emptied_after": round(self.emptied_mib[1]),
            },
            "mib_by_tenth": [round(self.memory[int(tenth * (len(self.memory) - 1) / 10)][1]) for tenth in range(11)],
            "kib_per_step": round(self.slope_kib, 2),
            "held_mib": self.parts,
            "by_step": {
                name: {"times": self.steps[name], "ms": round(1000 * self.seconds[name] / self.steps[name])}
                for name in sorted(self.steps)
            },
        }


class Session:
    """One animator at one file.

    Args:
        ext: the installed extension. folder: for the .blend file. sound: a file with speech.
    """

    def __init__(self, ext: object, folder: Path, sound: str, seed: int) -> None:
        self.ext, self.folder, self.sound = ext, folder, sound
        self.random = random.Random(seed)
        self.outcome = Outcome(seed)
        self.saved = str(folder / "soak Ümlaut.blend")
        self.steps: list[tuple[int, Callable[[], None]]] = [
            (6, self.generate), (3, self.generate_on_thread), (2, self.cancel_on_thread), (6, self.restyle),
            (4, self.rerange), (4, self.life), (8, self.undo),
            (5, self.redo), (3, self.remove), (2, self.save), (1, self.load), (3, self.move_strip),
            (4, self.artist_keys), (4, self.scrub),
            (5, self.remake_take), (2, self.remake_frames), (1, self.clear_frames), (4, self.edit_phones),
            (3, self.follow), (2, self.generate_all),
            (1, self.save_copy_and_load),
        ]
        self.build()

    def run(self, seconds: float, tell: Callable[[str], None] = lambda _line: None) -> Outcome:
        """Work for so long, or until something is wrong."""
        # networks, tables and lists are loaded once
        while sum(self.outcome.steps.values()) < WARM_UP_STEPS and not self.outcome.failures:
            self.one()
        self.emptied_mib = self.empty()
        self.note_parts("emptied")
        bpy.ops.wm.open_mainfile(filepath=self.saved)
        self.push("loaded")
        end, noted = time.monotonic() + seconds, time.monotonic()
        while time.monotonic() < end and not self.outcome.failures:
            self.one()
            if time.monotonic() - noted > NOTE_EVERY_S:
                noted = time.monotonic()
                tell(json.dumps(self.note_parts("working")))
        if not self.outcome.failures:
            self.outcome.failures += [f"in the end: {problem}" for problem in self.left_in_the_end()]
            self.outcome.emptied_mib = (self.emptied_mib, self.empty())
            self.note_parts("emptied")
        return self.outcome

    def note_parts(self, when: str) -> dict[str, object]:
        """What holds the memory now."""
        noted = {"when": when, "steps": sum(self.outcome.steps.values()), **held_mib(self.ext)}
        self.outcome.parts.append(noted)
        return noted

    def empty(self) -> float:
        """Close the file, forget what is kept for speed, give memory back to the system; what is in use then."""
        bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True, load_ui=False)
        self.ext.module("engine.values.cache").forget_all()
        self.ext.module("addon.sound.cache").forget()
        self.ext.module("engine.model.runtime")._open_graphs.clear()    # which keep room for their next run
        gc.collect()
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL("libc.so.6").malloc_trim(0)
        return resident_mib()

    def one(self) -> None:
        """One random step, and the look around after it."""
        weights, steps = zip(*self.steps, strict=True)
        step = self.random.choices(steps, weights)[0]
        start, number = time.monotonic(), sum(self.outcome.steps.values())
        self.begin(f"{number} {step.__name__}")
        before = hash_of_all_keys() if self.may_be_refused(step) else None
        try:
            step()
        except Exception as error:  # noqa: BLE001  whatever it is, it is a finding
            if before is None or not any(text in str(error) for text in REFUSALS):
                self.outcome.failures.append(f"step {number}, {step.__name__}:\n{traceback.format_exc()}")
            elif hash_of_all_keys() != before:
                self.outcome.failures.append(f"step {number}, {step.__name__} was refused and changed keys: {error}")
            self.outcome.refused += 1
        self.outcome.steps[step.__name__] += 1
        self.outcome.seconds[step.__name__] += time.monotonic() - start
        self.outcome.failures += [f"step {number}, after {step.__name__}: {problem}" for problem in self.problems()]
        if number % COLLECT_EVERY == 0:
            gc.collect()
        self.outcome.memory.append((number, resident_mib()))

    def may_be_refused(self, step: Callable[[], None]) -> bool:
        """Whether a step chooses a destination or a range at random."""
        return step in (self.generate, self.restyle, self.rerange)

    def problems(self) -> list[str]:
        """What is not as it must be."""
        found = []
        if hash_of_artists_keys() != bpy.context.scene[MARK]:
            found.append("the artist's keys are not as the artist left them")
        if self.ext.module("addon.host.job").Job.current is not None:
            found.append("a job is left")
        if not any(marker.name == "artist" and marker.frame == 77 for marker in bpy.context.scene.timeline_markers):
            found.append("the artist's marker is gone")
        found += [f"thread {thread.name!r} is left" for thread in threading.enumerate() if thread.name == "lip-sync"]
        for face in ("Face", "Anna"):
            if face not in bpy.data.objects:
                found.append(f"{face!r} is gone")
        return found

    def left_in_the_end(self) -> list[str]:
        """What Clear Lip Sync leaves of us on the characters, and whether the artist's Action plays as at the start."""
        for name in ("Face", "Anna"):
            with contextlib.suppress(RuntimeError):         # nothing to remove
                bpy.ops.unitalker.clear(character=name)
        found = []
        for name in ("Face", "Anna"):
            keys = bpy.data.objects[name].data.shape_keys
            long = [block.name for block in keys.key_blocks if (block.slider_min, block.slider_max) != (0.0, 1.0)]
            moved = {
                block.name: block.value for block in keys.key_blocks[1:] if abs(block.value) > 1e-6 and name == "Anna"
            }
            tracks = [track.name for track in keys.animation_data.nla_tracks] if keys.animation_data else []
            found += [
                f"{what} of {name}: {left}"
                for what, left in (("long sliders", long), ("values", moved), ("tracks", tracks)) if left
            ]
        playing = bpy.data.objects["Face"].data.shape_keys.animation_data.action
        if playing is None or playing.name != ARTISTS[0]:
            found.append(f"the artist's Action does not play: {playing}")
        return found

    def begin(self, what: str) -> None:
        """The last line of this file tells where Blender crashed, if it does."""
        with (self.folder / "steps.txt").open("a") as file:
            file.write(what + "\n")

    # ---- the file

    def build(self) -> None:
        """A face and a rig that the artist has keyed, a second face, and the sound as a strip where this Blender has
        strips."""
        scene = bpy.context.scene
        scene.render.fps, scene.frame_end = FPS, 300
        face, anna = make_face(self.ext, "Face"), make_face(self.ext, "Anna")
        anna.location.x = 9
        own_action(face.data.shape_keys, {
            'key_blocks["browInnerUp"].value': [(1, 0.25), (20, 0.75), (60, 0.1)],
            'key_blocks["jawOpen"].value': [(200, 0.5), (220, 0.0)],
        }, ARTISTS[0])
        rig = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
        scene.collection.objects.link(rig)
        rig.location.y = 9
        bpy.context.view_layer.update()         # makes its pose
        own_action(rig, {"location": [(1, 0.0), (50, 2.0)]}, ARTISTS[1])
        if getattr(bpy.app.build_options, "audaspace", False):
            editor = scene.sequence_editor_create()
            (editor.strips if hasattr(editor, "strips") else editor.sequences).new_sound("line", self.sound, 1, 1)
        scene.timeline_markers.new("artist", frame=77)
        self.mark()
        bpy.ops.wm.save_as_mainfile(filepath=self.saved)
        self.push("built")

    def mark(self) -> None:
        """The artist's keys are as the artist wants them."""
        bpy.context.scene[MARK] = hash_of_artists_keys()

    def push(self, message: str) -> None:
        bpy.ops.ed.undo_push(message=message)

    def options(self) -> dict[str, object]:
        """Where the sound is, and on whom."""
        strip = getattr(bpy.app.build_options, "audaspace", False) and self.random.random() < 0.7
        sound = {"strip": "line"} if strip else {"audio": self.sound, "start_frame": float(self.random.randint(1, 120))}
        return {**sound, "character": self.random.choice(["Face", "Anna"])}

    def style(self) -> dict[str, object]:
        """A way to speak."""
        number = self.random.random
        return {
            "strength": round(2 * number(), 2), "smooth": round(number() ** 2, 2),
            f"gain_{self.random.choice(REGIONS)}": round(2 * number(), 2),
            "articulation": round(2 * number() - 1, 2), "anticipation": float(self.random.randint(0, 3)),
            f"offset_{self.random.choice(REGIONS)}": float(self.random.randint(-3, 3)),
            "seed": self.random.randint(0, 99),
            "interpolation": self.random.choice(['LINEAR', 'BEZIER', 'CONSTANT']), "reduce": number() < 0.3,
            "existing": self.random.choice(['KEEP', 'LAYER']),
            "sliders": self.random.choice(['RAISE', 'CLIP']), "destination": self.random.choice(DESTINATIONS),
            "nla_influence": round(number(), 2),
        }

    # ---- steps

    def generate(self) -> None:
        """The button, from a script."""
        self.animate({**self.options(), **self.style(), "use_range": False})

    def animate(self, given: dict[str, object]) -> None:
        known = self.ext.module("addon.take.properties").CHOICES
        given = {name: value for name, value in given.items() if name in known}
        self.begin(f"  {given}")
        bpy.ops.unitalker.animate('EXEC_DEFAULT', True, **given)

    def generate_on_thread(self) -> None:
        """The button in a window."""
        self.in_window(None)

    def cancel_on_thread(self) -> None:
        """The button, then Esc after some ticks."""
        self.in_window(self.random.randint(0, 3))

    def in_window(self, ticks_before_esc: int | None) -> None:
        before, context = hash_of_all_keys(), FakeContext()
        operator = FakeOperator(
            self.ext.module("addon.ui.operators").UNITALKER_OT_animate, {**self.options(), "use_range": False}
        )
        result = operator._with_work(context, operator._start)      # what invoke() does with a window
        if ticks_before_esc is not None and result == {'RUNNING_MODAL'}:
            for _ in range(ticks_before_esc):
                if result in ({'RUNNING_MODAL'}, {'PASS_THROUGH'}):
                    result = operator.modal(context, event('TIMER'))
            if result == {'PASS_THROUGH'}:
                operator.modal(context, event('ESC', 'PRESS'))
        if result in ({'RUNNING_MODAL'}, {'PASS_THROUGH'}):
            result = tick_to_end(operator, context)
        if result == {'CANCELLED'}:
            assert hash_of_all_keys() == before, operator.reports
            assert ticks_before_esc is not None, operator.reports
        assert context.timers == 0 and context.status is None
        self.push("generated in a window")

    def restyle(self) -> None:
        """The same line in another style."""
        self.animate({**self.options(), **self.style(), "use_range": False})

    def rerange(self) -> None:
        """Only some frames again."""
        given = self.options()
        start = int(given.get("start_frame", 1)) + self.random.randint(0, 30)
        self.animate({
            **given, **self.style(), "use_range": True, "range_start": start,
            "range_end": start + self.random.randint(2, 30),
            "crossfade": self.random.randint(0, 6),
        })

    def life(self) -> None:
        """Blinks, brows, head, eyes and breath, each on or off."""
        switches = {
            f"use_{name}": self.random.random() < 0.5
            for name in ("blinks", "brow_raises", "head_motion", "eye_motion", "breath")
        }
        self.animate({**self.options(), **switches, "blinks": round(2 * self.random.random(), 2), "use_range": False})

    def remake_take(self) -> None:
        """Another style for a take that is there, as the Live switch does it."""
        self.remake(None)

    def remake_frames(self) -> None:
        """The same for some of its frames."""
        start = self.random.randint(1, 60)
        self.remake((float(start), float(start + self.random.randint(3, 30))))

    def remake(self, span: tuple[float, float] | None) -> None:
        takes = self.ext.module("addon.take.takes")
        known = [one for name in ("Face", "Anna") for one in takes.takes_of(bpy.context, name) if one.known]
        if span is not None:
            known = [one for one in known if one.first_frame <= span[0] and span[1] <= one.last_frame]
        if known:
            one, changes = self.random.choice(known), {
                name: value for name, value in self.style().items() if name not in ("destination", "existing")
            }
            self.begin(f"  {one.line} on {one.character}, {span}, {changes}")
            takes.remake(bpy.context, one, changes, span)
            self.push("made again")

    def clear_frames(self) -> None:
        """Remove our keys of some frames."""
        start = self.random.randint(1, 60)
        self.ext.module("addon.take.takes").clear_frames(
            bpy.context, self.random.choice(["Face", "Anna"]), True, (float(start), float(start + 9))
        )
        self.push("cleared frames")

    def edit_phones(self) -> None:
        """Show the phones of a take, move a marker, apply, hide. Of a model that hears none: nothing."""
        phone_takes, markers = self.ext.module("addon.phones.takes"), self.ext.module("addon.phones.markers")
        takes, scene = self.ext.module("addon.take.takes"), bpy.context.scene
        known = [one for name in ("Face", "Anna") for one in takes.takes_of(bpy.context, name) if one.known]
        if not known:
            return
        one = self.random.choice(known)
        self.begin(f"  phones of {one.line} on {one.character}")
        try:
            shown = phone_takes.show(bpy.context, one)
        except self.ext.module("engine").SettingError as error:
            assert "does not hear phonemes" in str(error), error
            return
        ours = [marker for marker in scene.timeline_markers if marker.name != "artist"]
        marker = self.random.choice(ours)
        marker.frame += self.random.choice([-2, -1, 1, 2])
        self.begin(f"  {marker.name!r} to {marker.frame}")
        markers.sync(scene)
        try:
            phone_takes.apply(bpy.context, shown)
        except self.ext.module("engine").SettingError as error:
            assert "both begin on frame" in str(error), error
            phone_takes.as_heard(bpy.context, shown)
        phone_takes.hide(scene, shown)
        self.push("edited phones")

    def follow(self) -> None:
        """What the watch does after the artist moved a strip, then the button for what needs listening."""
        self.ext.module("addon.follow.watch").follow_now(bpy.context)
        bpy.ops.unitalker.follow('EXEC_DEFAULT', True)
        self.push("followed")

    def generate_all(self) -> None:
        """A list of two lines, made at once."""
        rows = bpy.context.scene.unitalker_cast.rows
        rows.clear()
        for name in ("Face", "Anna"):
            given, row = self.options(), bpy.context.scene.unitalker_cast.add()
            row.source, row.character = 'STRIP' if "strip" in given else 'FILE', bpy.data.objects[name]
            row.strip, row.audio, row.start_frame = given.get("strip", ""), given.get("audio", ""), given.get(
                "start_frame", 1.0
            )
        bpy.ops.unitalker.cast_generate('EXEC_DEFAULT', True)
        assert not bpy.context.scene.unitalker_cast.failed, [
            row.result for row in bpy.context.scene.unitalker_cast.rows
        ]

    def save_copy_and_load(self) -> None:
        """What is loaded is what was saved: every key and value of ours and the artist's."""
        path, before = str(self.folder / "copy.blend"), (as_before.animation(), as_before.values())
        bpy.ops.wm.save_as_mainfile(filepath=path, copy=True)
        bpy.ops.wm.open_mainfile(filepath=path)
        assert as_before.animation() == before[0]
        assert as_before.values() == before[1]
        self.push("loaded")

    def undo(self) -> None:
        """One to three steps back."""
        for _ in range(self.random.randint(1, 3)):
            if bpy.ops.ed.undo.poll() and MARK in bpy.context.scene:
                bpy.ops.ed.undo()
        self.show_frame()

    def redo(self) -> None:
        """One to three steps forward."""
        for _ in range(self.random.randint(1, 3)):
            if bpy.ops.ed.redo.poll():
                bpy.ops.ed.redo()
        self.show_frame()

    def show_frame(self) -> None:
        """What a window does after undo: without one the sliders keep the values of the frame that was shown then."""
        bpy.context.scene.frame_set(bpy.context.scene.frame_current)

    def remove(self) -> None:
        """Clear Lip Sync: nothing of ours stays on the character."""
        name = self.random.choice(["Face", "Anna"])
        bpy.ops.unitalker.clear('EXEC_DEFAULT', True, character=name)
        actions = self.ext.module("addon.actions.actions")
        keys = bpy.data.objects[name].data.shape_keys
        left = [
            curve.data_path
            for place in actions.uses(keys) for curve in actions.curves_of(place) if actions.is_ours(curve, place)
        ]
        assert not left, left

    def save(self) -> None:
        bpy.ops.wm.save_as_mainfile(filepath=self.saved)

    def load(self) -> None:
        bpy.ops.wm.open_mainfile(filepath=self.saved)
        self.push("loaded")

    def move_strip(self) -> None:
        """The artist moves the strip."""
        editor = bpy.context.scene.sequence_editor
        if editor is None:
            return
        strip = (editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all).get("line")
        if strip is None:
            return
        name = "content_start" if hasattr(strip, "content_start") else "frame_start"
        setattr(strip, name, self.random.randint(1, 80))
        self.push("moved the strip")

    def artist_keys(self) -> None:
        """The artist sets a key in an Action of their own."""
        action = bpy.data.actions[self.random.choice(ARTISTS)]
        curve = self.random.choice(artists_curves(action))
        # few frames, so that memory tells of us
        curve.keyframe_points.insert(10 * self.random.randint(1, 25), self.random.random())
        self.mark()
        self.push("keyed")

    def scrub(self) -> None:
        bpy.context.scene.frame_set(self.random.randint(1, 250))


def hash_of_artists_keys() -> str:
    """Of every field of every key in the artist's Actions."""
    found = hashlib.sha256()
    for name in ARTISTS:
        for curve in sorted(
            artists_curves(bpy.data.actions[name]), key=lambda curve: (curve.data_path, curve.array_index)
        ):
            found.update(f"{name} {curve.data_path} {curve.array_index} {curve.mute} {curve.extrapolation}".encode())
            for key in curve.keyframe_points:
                found.update("".join(str(getattr(key, name)) for name in as_before.KEY_FIELDS).encode())
                found.update(np.array([*key.co, *key.handle_left, *key.handle_right], np.float32).tobytes())
    return found.hexdigest()


def hash_of_all_keys() -> str:
    """Of every key of every Action, the artist's and ours, and of what plays them."""
    found = hashlib.sha256()
    for action in bpy.data.actions:
        for curve in curves_of(action):
            found.update(f"{action.name} {curve.data_path} {curve.array_index}".encode())
            for name in ("co", "handle_left", "handle_right"):
                values = np.empty(2 * len(curve.keyframe_points), np.float32)
                curve.keyframe_points.foreach_get(name, values)
                found.update(values.tobytes())
    for keys in bpy.data.shape_keys:
        found.update(repr([place.action.name for place in played(keys)]).encode())
    return found.hexdigest()


def played(owner: object) -> list[object]:
    """What plays on a data-block: the active Action's player and the NLA strips."""
    data = owner.animation_data
    return (
        [] if data is None
        else [
            player
            for player in (data, *(strip for track in data.nla_tracks for strip in track.strips)) if player.action
        ]
    )


def curves_of(action: object) -> list[object]:
    if not hasattr(action, "slots"):
        return list(action.fcurves)
    return [
        curve for layer in action.layers for strip in layer.strips for bag in strip.channelbags for curve in bag.fcurves
    ]


def artists_curves(action: object) -> list[object]:
    """Curves of an Action of the artist, without those of a slot of ours in it."""
    return [curve for curve in curves_of(action) if curve.group is None or curve.group.name != GROUP]


class _HeapFigures(ctypes.Structure):
    """`struct mallinfo2` of the GNU C library, bytes."""

    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
    )]


def held_mib(ext: object) -> dict[str, float]:
    """Memory by who holds it, MiB: this process's own pages and those of libraries, the C library's heap (in use, free
    between pieces in use, big pieces), Blender's data with its undo steps, our caches; and Python's small blocks."""
    scene, cache, sounds = bpy.context.scene, ext.module("engine.values.cache"), ext.module("addon.sound.cache")
    ours = sum(held.n_bytes for held in cache._all)
    ours += sum(wave.samples.nbytes for wave in sounds._cached.values())
    bpy.context.preferences.view.show_statusbar_memory = True
    told = re.search(r"Memory: ([\d.]+) ([KMG])iB", scene.statistics(bpy.context.view_layer))
    blender = float(told[1]) * {"K": 2**-10, "M": 1, "G": 2**10}[told[2]] if told else 0.0
    found = {"caches": ours / 2**20, "blender": blender, "python_blocks": sys.getallocatedblocks()}
    with contextlib.suppress(OSError, AttributeError):
        heap = ctypes.CDLL("libc.so.6").mallinfo2
        heap.restype = _HeapFigures
        figures = heap()
        found |= {
            "heap_used": figures.uordblks / 2**20, "heap_free": figures.fordblks / 2**20,
            "heap_big": figures.hblkhd / 2**20,
        }
        lines = Path("/proc/self/status").read_text().splitlines()
        found |= {
            line[3:line.index(":")].lower(): int(line.split()[1]) / 1024
            for line in lines if line.startswith(("RssAnon", "RssFile"))
        }
    return {name: round(value, 1) for name, value in found.items()}


def resident_mib() -> float:
    """Memory of this process that is in use now; 0 where the system does not tell."""
    path = Path("/proc/self/statm")
    return int(path.read_text().split()[1]) * 4096 / 2**20 if path.exists() else 0.0
