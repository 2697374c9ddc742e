"""Many lines at once: each row of the list is one take, all of them one job and one step of undo.

Three steps as for one take: `gather` reads Blender for every row, `compute` runs on a thread, `write` keys what came
out. A row that fails keeps its reason and stops no other. Nothing is written before the last row is computed, so a
cancelled job leaves everything as it was.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import bpy

from ...engine import Animation, Cancelled, EngineError, RigError
from ...engine.values import types
from ...engine.values.settings import LISTENING
from ..character import channels_of, character
from ..host.job import tell_stage
from ..host.translations import translate
from ..keying.vertex_head import SolvedMesh
from ..sound import clip as sounds
from ..sound import strips as sound_strips
from ..take import make
from ..take.properties import collect
from . import listening, overlaps

UNKNOWN_LENGTH_S = 10.0         # share of the progress bar for a file that nobody has opened yet
A_BUG = "A bug stopped this line: see the traceback in the system console."
COMMON_WORDS = frozenset({      # of object and file names: they name no character
    "arm", "armature", "audio", "body", "char", "character", "chr", "dialog", "dialogue", "face", "geo", "head", "key",
    "line", "mesh", "mix", "mouth",
    "rig", "shot", "sound", "speaker", "take", "track", "ver", "voice", "vox", "wav",
})

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CastEntry:
    """One row on its way: its uid, what people call it, and the take, or why there is none."""

    uid: str
    title: str
    request: make.Request | None
    problem: str = ""


@dataclass(frozen=True)
class Computed:
    """What the engine made of an entry, or why nothing."""

    entry: CastEntry
    animation: Animation | SolvedMesh | None
    problem: str = ""


@dataclass(frozen=True)
class Outcome:
    """What came of a row: kind as in KINDS of the properties."""

    uid: str
    kind: str
    line: str


def gather(
    context: bpy.types.Context, rows: Iterable[bpy.types.PropertyGroup], options: Mapping[str, object] | None = None
) -> list[CastEntry]:
    """Read what every row needs; options count more than the panel, and less than what a row chooses itself."""
    entries: list[CastEntry] = []
    for row in rows:
        try:
            entries.append(CastEntry(row.uid, row.title(), _request(context, row, options or {})))
        except EngineError as error:
            entries.append(CastEntry(row.uid, row.title(), None, str(error)))
    return _with_own_names(entries)


def meeting_lines(
    context: bpy.types.Context, rows: Iterable[bpy.types.PropertyGroup], length_s: Callable[[str], float],
) -> list[str]:
    """Sentences on lines that one character would say on the same frames; length_s: seconds of a file by its path."""
    return overlaps.sentences(context, rows, length_s)


def compute(
    entries: Sequence[CastEntry], progress: Callable[[float], None] = types.no_progress,
    cancelled: Callable[[], bool] = types.never,
) -> list[Computed]:
    """Run the engine for each entry: no Blender data, any thread. Raises Cancelled."""
    lengths = [_length_s(entry) for entry in entries]
    whole, done, computed = sum(lengths) or 1.0, 0.0, []
    for number, (entry, length) in enumerate(zip(entries, lengths, strict=True), start=1):
        if cancelled():
            raise Cancelled("Stopped; nothing was written.")
        tell_stage(progress, translate("Line {} of {}: {}", number, len(entries), entry.title))
        computed.append(_compute_one(entry, _part(progress, done / whole, length / whole), cancelled))
        done += length
        progress(done / whole)
    return computed


def write(computed: Sequence[Computed]) -> list[Outcome]:
    """Key all characters; call it in one undo step."""
    outcomes: list[Outcome] = []
    for done in computed:
        try:
            outcomes.append(_write(done))
        except EngineError as error:
            outcomes.append(Outcome(done.entry.uid, 'FAILED', str(error)))
        except Exception:
            log.exception("Writing %s", done.entry.title)
            outcomes.append(Outcome(done.entry.uid, 'FAILED', A_BUG))
    return outcomes


def _write(done: Computed) -> Outcome:
    if done.animation is None:
        return Outcome(done.entry.uid, 'FAILED', done.problem)
    summary = make.write(done.entry.request, done.animation)
    kind = 'WARNING' if summary.warnings else 'DONE'
    return Outcome(done.entry.uid, kind, " ".join((f"{summary.words}.", *summary.warnings)))


def show(cast: bpy.types.PropertyGroup, outcomes: Iterable[Outcome]) -> str:
    """Note on each row what came of it; the line for the whole list. Rows that were removed meanwhile are left out."""
    rows = {row.uid: row for row in cast.rows}
    counts = {'DONE': 0, 'WARNING': 0, 'FAILED': 0}
    for outcome in outcomes:
        counts[outcome.kind] += 1
        if outcome.uid in rows:
            rows[outcome.uid].kind, rows[outcome.uid].result = outcome.kind, outcome.line
    made = counts['DONE'] + counts['WARNING']
    cast.failed = counts['FAILED'] > 0
    cast.result = translate("{} of {} lines made", made, made + counts['FAILED'])
    cast.result += translate(", {} with warnings", counts['WARNING']) if counts['WARNING'] else ""
    cast.result += translate(", {} failed: their rows say why", counts['FAILED']) if counts['FAILED'] else ""
    return cast.result


def add_strips(context: bpy.types.Context, strips: Iterable[bpy.types.Strip]) -> int:
    """A row for each strip that has none, with the character that its name suggests; how many were added."""
    scene, cast = sound_strips.sequencer_scene(context), context.scene.unitalker_cast
    known = {row.mark for row in cast.rows if row.mark}
    added = 0
    for strip in strips:
        if sound_strips.mark(strip, scene) in known:
            continue
        row = cast.add()
        row.scene, row.strip = scene, strip.name
        row.character = guess(context, row)
        added += 1
    return added


def guess(context: bpy.types.Context, row: bpy.types.PropertyGroup) -> bpy.types.Object | None:
    """The character whose name shares most words with the line's; the only one of the scene; or None."""
    people = _people(context.scene.objects) or _people(bpy.data.objects)
    spoken = _words(" ".join((row.title(), _file_of(row))))
    shared = {obj: spoken & (_words(obj.name) | _words(obj.parent.name if obj.parent else "")) for obj in people}
    scores = {obj: sum(map(len, words)) for obj, words in shared.items()}
    best = max(scores.values(), default=0)
    if best:
        return max((obj for obj in people if scores[obj] == best), key=lambda obj: len(channels_of.shape_keys(obj)))
    if not people or set(people) - set(character.related(context, people[:1])):
        return None
    return max(people, key=lambda obj: len(channels_of.shape_keys(obj)))


def _request(context: bpy.types.Context, row: bpy.types.PropertyGroup, options: Mapping[str, object]) -> make.Request:
    given: dict[str, object] = {
        **options,
        "source": row.source, "strip": row.strip, "audio": row.audio,
        "speaker": row.speaker.name if row.speaker else "",
        "start_frame": row.start_frame, "transcript": row.transcript,
        "transcript_text": row.transcript_text.name if row.transcript_text else "",
        "use_range": False,
    }
    if row.listens:
        given |= _as_listener(context, row)
    if row.own_mood:
        given["mood"] = row.mood if row.mood != "neutral" else ""
    if row.character is None:
        raise RigError("No character is chosen for this line. Pick one in its row, or press Guess Characters.")
    given["character"] = row.character.name
    if row.own_identity:
        given |= {"identity": row.identity, "identity_2": ""}
    if row.own_channel:
        given["audio_channel"] = row.audio_channel
    clip = _strip_clip(context, row) if row.source == 'STRIP' else None
    return make.gather(context, make.Options(**collect(context, given)), clip)


def _as_listener(context: bpy.types.Context, row: bpy.types.PropertyGroup) -> dict[str, object]:
    """A face that says nothing and looks at who speaks, unless the panel has something else to look at."""
    told = {"performance": LISTENING, "transcript": "", "transcript_text": ""}
    speaker = listening.speaker_of(context.scene.unitalker_cast.rows, row)
    if speaker is None or context.scene.unitalker.look_at is not None:
        return told
    return {**told, "look_at": speaker.name}


def _strip_clip(context: bpy.types.Context, row: bpy.types.PropertyGroup) -> sounds.SoundClip:
    scene = row.scene or sound_strips.sequencer_scene(context)
    strip = sound_strips.find_marked(scene, row.mark, row.strip) or sound_strips.pick(scene, row.strip or "No strip")
    return sounds.clip_of(context, scene, strip, character.home_scene(context, row.character.name))


def _with_own_names(entries: list[CastEntry]) -> list[CastEntry]:
    """Lines of one character and one name in several scenes get the scene's name too."""
    seen: dict[tuple[str, str], str] = {}
    named = []
    for entry in entries:
        request = entry.request
        if request is not None and request.character is not None:
            key = request.character.name, request.line
            if seen.setdefault(key, request.clip.mark) != request.clip.mark:
                request = replace(request, line=f"{request.line} ({request.clip.scene})")
        named.append(replace(entry, request=request))
    return named


def _compute_one(entry: CastEntry, progress: Callable[[float], None], cancelled: Callable[[], bool]) -> Computed:
    if entry.request is None:
        return Computed(entry, None, entry.problem)
    try:
        return Computed(entry, make.compute(entry.request, progress, cancelled))
    except Cancelled:
        raise
    except EngineError as error:
        return Computed(entry, None, str(error))
    except Exception:
        log.exception("Computing %s", entry.title)
        return Computed(entry, None, A_BUG)


def _part(progress: Callable[[float], None], start: float, share: float) -> Callable[[float], None]:
    return lambda fraction: progress(start + share * fraction)


def _length_s(entry: CastEntry) -> float:
    if entry.request is None:
        return 0.0
    return entry.request.clip.length_s if math.isfinite(entry.request.clip.length_s) else UNKNOWN_LENGTH_S


def _people(objects: Iterable[bpy.types.Object]) -> list[bpy.types.Object]:
    """What could be a character: meshes with shape keys, and armatures."""
    return [obj for obj in objects if obj.type == 'ARMATURE' or (obj.type == 'MESH' and channels_of.shape_keys(obj))]


def _words(name: str) -> frozenset[str]:
    """Words of a name that could be a character's: "SH010_AnnaSmith_v02.wav" gives anna and smith."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    words = (word.casefold() for word in re.findall(r"[^\W\d_]+", apart))
    return frozenset(word for word in words if len(word) > 1 and word not in COMMON_WORDS)


def _file_of(row: bpy.types.PropertyGroup) -> str:
    if row.source == 'SPEAKER':
        sound = row.speaker.data.sound if row.speaker else None
    else:
        strip = (
            sound_strips.find_marked(row.scene, row.mark, row.strip) if row.source == 'STRIP' and row.scene else None
        )
        sound = strip.sound if strip is not None else None
    return bpy.path.display_name_from_filepath(sound.filepath) if sound is not None else ""
