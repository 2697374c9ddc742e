"""Between shown phones and takes: which phones a take has, and solving again what the edits reach.

Only the frames round an edit are written; every key outside keeps its bits. Edited phones are kept with the take, so
that a later change of style keeps them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace

import bpy
import numpy as np

from ...engine import Animation, SettingError, Settings, changed_spans, has_lips, spoken_words, with_emphasis
from ...engine.model.folder import open_model
from ...engine.rig.fitted_head_file import chosen_fitted_head
from ...engine.values.phones import Phone
from ..actions.ledger import Span
from ..host.preferences import engine_preferences
from ..host.scene import same_rate, scene_fps
from ..take import make, takes
from . import markers, words
from . import rows as phone_rows
from .rows import key_of

ShownTake = bpy.types.PropertyGroup
APART_FRAMES = 3            # changed frames with so many or fewer between them are one span


def show(context: bpy.types.Context, take: takes.Take) -> ShownTake:
    """Rows and markers for the phones of a take; edits that were not applied when they were hidden are there again.

    Raises:
        SettingError: its head or model does not follow phones. Else what takes.request and take.compute raise.
    """
    scene = context.scene
    request = takes.request(context, take, {})
    refuse_without_phones(request)
    animation = make.compute(request)
    shown = _find(scene, take) or scene.unitalker_phones.takes.add()
    if shown.visible:
        markers.hide(scene, shown)
    shown.name, shown.title = key_of(take), f"{take.line} on {take.character}"
    shown.character = bpy.data.objects.get(take.character)
    shown.first_frame, shown.fps = take.first_frame, take.fps or scene_fps(scene)
    solved, made = phone_rows.to_json(animation.phones), _made(take)
    if (solved, made) != (shown.solved, shown.made) or not shown.rows:
        shown.solved, shown.made = solved, made
        phone_rows.fill(shown, animation.phones, iter(lambda: markers.next_uid(scene), None))
        spoken = _spoken(request.settings, animation.phones)
        words.fill(shown, spoken, iter(lambda: markers.next_uid(scene), None))
    scene.unitalker_phones.active_take = list(scene.unitalker_phones.takes).index(shown)
    markers.show(scene, shown)
    return shown


def hide(scene: bpy.types.Scene, shown: ShownTake) -> int:
    """Take the markers away. Returns the number of edits that are not applied: showing brings them back."""
    markers.hide(scene, shown)
    left = phone_rows.edits(shown) + words.edits(shown)
    if not left:
        remove(scene, shown)
    return left


def remove(scene: bpy.types.Scene, shown: ShownTake) -> None:
    """Forget a hidden take, with edits that were not applied."""
    collection = scene.unitalker_phones.takes
    collection.remove(list(collection).index(shown))
    scene.unitalker_phones.active_take = max(0, min(scene.unitalker_phones.active_take, len(collection) - 1))


def apply(context: bpy.types.Context, shown: ShownTake) -> tuple[Span, ...]:
    """Solve again round what was edited; all of it where other_rate() says why. Returns the spans of frames that were
    written, none where nothing differs.

    Raises:
        SettingError: phones that cannot be, a take that was made anew since. Else what takes.request, take.compute and
            take.write raise; nothing
            is written then.
    """
    wanted, stressed = phone_rows.phones_of(shown), words.stressed_anew(shown)
    return _solve(context, shown, wanted) if phone_rows.edits(shown) or stressed else ()


def other_rate(context: bpy.types.Context, shown: ShownTake) -> str:
    """What to say where the scene's frame rate is no longer the take's; else "". Raises RigError, SettingError."""
    take, fps = take_of(context, shown), scene_fps(context.scene)
    if take.fps is None or same_rate(take.fps, fps):
        return ""
    return (
        f"The scene runs at {fps:g} frames per second now, and the lip sync of {take.line!r} was made at {take.fps:g}"
    )


def as_heard(context: bpy.types.Context, shown: ShownTake) -> tuple[Span, ...]:
    """Take back all edits of a take, applied or not. Returns and raises as apply()."""
    scene, take = context.scene, take_of(context, shown)
    for word in shown.words:
        word.emphasis, word.problem = word.solved, ""
    recognised = make.compute(takes.request(context, take, {"phones": None})).phones
    spans = _solve(context, shown, recognised) if phone_rows.to_json(recognised) != shown.solved else ()
    markers.hide(scene, shown)
    phone_rows.fill(shown, recognised, iter(lambda: markers.next_uid(scene), None))
    markers.show(scene, shown)
    return spans


def take_of(context: bpy.types.Context, shown: ShownTake) -> takes.Take:
    """The take as it is now. Raises RigError, SettingError: it is gone."""
    _follow_name(shown)
    character, line = json.loads(shown.name)
    return takes.find(context, character, line)


def chosen(context: bpy.types.Context) -> takes.Take:
    """The take of the panel's sound, else the nearest to the current frame. Raises SettingError, RigError."""
    take = takes.chosen(context)
    if take is not None:
        return take
    settings, frame = context.scene.unitalker, context.scene.frame_current
    known = takes.takes_of(context, settings.character_name, settings.with_related)
    if not known:
        raise SettingError("This character has no lip sync whose phonemes could be shown. Generate it first.")
    return min(known, key=lambda other: max(other.first_frame - frame, frame - other.last_frame, 0.0))


def refuse_without_phones(request: make.Request) -> None:
    """Raise SettingError where edited phones would change nothing."""
    model = open_model(request.settings.model, engine_preferences(bpy.context).model_folders)
    head = model.head(request.settings.head)
    if not model.phones:
        raise SettingError(
            f"Model {model.id} does not hear phonemes, so there are none to edit. Choose another model and generate "
            "again."
        )
    if not has_lips(head.channels):
        raise SettingError(
            f"Head {head.id} does not follow phonemes: only a head with ARKit channels does. Choose take in Voice and "
            "Style and generate again."
        )
    taught = chosen_fitted_head(request.rig) if request.rig else None
    if taught:
        raise SettingError(
            f"{taught.name!r} plays what it hears and does not follow phonemes. Choose another preset and generate "
            "again."
        )


def _solve(context: bpy.types.Context, shown: ShownTake, wanted: tuple[Phone, ...]) -> tuple[Span, ...]:
    """Write the frames on which two lists of phones differ."""
    take = take_of(context, shown)
    before = phone_rows.solved_of(shown)
    if _made(take) != shown.made:
        raise SettingError(
            f"The lip sync of {take.line!r} was made anew since its phonemes were shown. Press Show Phonemes again: "
            "edits that were not applied go."
        )
    if other_rate(context, shown):
        return _solve_all(context, shown, take, wanted)
    stressed = words.stressed_anew(shown)
    transcript = takes.request(context, take, {}).settings.transcript
    request = takes.request(context, take, {
        "phones": [(phone.label, phone.start_s, phone.end_s) for phone in wanted], **_stress(stressed, transcript),
    })
    refuse_without_phones(request)
    dense = replace(
        request, settings=replace(request.settings, max_error=None), frames=(take.first_frame, take.last_frame)
    )
    animation = make.compute(dense)
    old = make.compute(replace(dense, settings=replace(dense.settings, phones=before, transcript=transcript)))
    reached = _frames(before, wanted, request.settings, take, [(word.start_s, word.end_s) for word in stressed])
    # the edits are noted with a key
    spans = _differing(old, animation, reached, take.first_frame) or tuple((first, first) for first, _ in reached[:1])
    for span in spans:
        options = replace(
            request.options, use_range=True, range_start=int(span[0]), range_end=int(span[1]), crossfade=0.0
        )
        make.write(replace(dense, options=options, frames=span), animation)
    shown.solved, shown.made = phone_rows.to_json(wanted), _made(take_of(context, shown))
    _settle(context, take, stressed, (transcript, request.settings.transcript))
    return spans


def _spoken(settings: Settings, phones: Sequence[Phone]) -> tuple[object, ...]:
    return spoken_words(settings.transcript, settings.language, phones) if settings.transcript else ()


def _stress(stressed: Sequence[words.Word], transcript: str | None) -> dict[str, object]:
    """The options that stress these words as their markers say."""
    if not stressed or transcript is None:
        return {}
    amounts = {word.number: word.emphasis for word in stressed}
    return {"transcript": with_emphasis(transcript, amounts), "transcript_text": ""}


def _settle(
    context: bpy.types.Context, take: takes.Take, stressed: Sequence[words.Word], texts: tuple[str | None, str | None],
) -> None:
    """The keys have this emphasis now, and so shall the next ones. texts: the transcript before, and now."""
    for word in stressed:
        word.solved = word.emphasis
    if stressed and texts[0] and texts[1]:
        block = bpy.data.texts.get(str(take.choices.get("transcript_text", "")))
        words.tell([context.scene.unitalker, *context.scene.unitalker_cast.rows], block, (texts[0], texts[1]))


def _solve_all(
    context: bpy.types.Context, shown: ShownTake, take: takes.Take, wanted: tuple[Phone, ...]
) -> tuple[Span, ...]:
    """Make all of a take again with these phones, at the scene's new rate; its markers go along."""
    stressed = words.stressed_anew(shown)
    transcript = takes.request(context, take, {}).settings.transcript
    request = takes.request(context, take, {"clip": None, "phones": None, **_stress(stressed, transcript)})
    refuse_without_phones(request)
    # a trim in frames is another take in seconds now
    later_s = take.clip.first_s - request.clip.first_s if take.clip is not None else 0.0
    shown_phones = tuple(
        Phone(phone.label, max(0.0, phone.start_s + later_s), min(phone.end_s + later_s, request.clip.length_s))
        for phone in wanted if phone.end_s + later_s > 0 and phone.start_s + later_s < request.clip.length_s
    )
    request = replace(request, settings=replace(request.settings, phones=shown_phones))
    make.write(request, make.compute(request))
    made = take_of(context, shown)
    shown.first_frame, shown.fps = made.first_frame, made.fps or scene_fps(context.scene)
    shown.solved, shown.made = phone_rows.to_json(shown_phones), _made(made)
    _settle(context, take, stressed, (transcript, request.settings.transcript))
    visible = shown.visible
    if visible:
        markers.hide(context.scene, shown)
    phone_rows.fill(shown, shown_phones, iter(lambda: markers.next_uid(context.scene), None))
    if visible:
        markers.show(context.scene, shown)
    return ((made.first_frame, made.last_frame),)


def _frames(
    before: tuple[Phone, ...], wanted: tuple[Phone, ...], settings: Settings, take: takes.Take,
    stressed: Sequence[Span] = (),
) -> tuple[Span, ...]:
    """Whole frames of the take on which phones or stressed words make a difference, apart from each other."""
    spans: list[Span] = []
    for start_s, end_s in changed_spans(before, wanted, settings, stressed):
        first = max(math.floor(take.first_frame + start_s * settings.fps), math.ceil(take.first_frame))
        last = min(math.ceil(take.first_frame + end_s * settings.fps), math.floor(take.last_frame))
        if spans and first <= spans[-1][1] + 1:
            first = int(spans.pop()[0])
        if first <= last:
            spans.append((float(first), float(last)))
    return tuple(spans)


def _differing(old: Animation, new: Animation, spans: Sequence[Span], first_frame: float) -> tuple[Span, ...]:
    """Those of some frames on which the motion differs: the artist's changes to other keys stay."""
    before, after = old.curves, new.curves
    if before is None or after is None or after.stepped or before.curves.keys() != after.curves.keys():
        return tuple(spans)
    rows = np.any([before.curves[channel].values != after.curves[channel].values for channel in after.curves], axis=0)
    found: list[Span] = []
    for frame in (first_frame + np.flatnonzero(rows)).tolist():
        if not any(first <= frame <= last for first, last in spans):
            continue
        start = found.pop()[0] if found and frame - found[-1][1] <= APART_FRAMES else frame
        found.append((start, frame))
    return tuple(found)


def _made(take: takes.Take) -> str:
    """What the phones of a take depend on: where it differs, they are others."""
    names = ("model", "transcript", "transcript_text", "language", "audio_channel")
    clip = take.clip and (take.clip.path, take.clip.first_s, take.clip.length_s)
    phones = take.phones and phone_rows.to_json([Phone(*row) for row in take.phones])
    return json.dumps([[str(take.choices.get(name)) for name in names], str(clip), phones])


def _follow_name(shown: ShownTake) -> None:
    """Know a take by the name that its character has now."""
    character, line = json.loads(shown.name)
    if shown.character is not None and shown.character.name != character:
        shown.name, shown.title = json.dumps([shown.character.name, line]), f"{line} on {shown.character.name}"


def _find(scene: bpy.types.Scene, take: takes.Take) -> ShownTake | None:
    for shown in scene.unitalker_phones.takes:
        _follow_name(shown)
    return next((shown for shown in scene.unitalker_phones.takes if shown.name == key_of(take)), None)
