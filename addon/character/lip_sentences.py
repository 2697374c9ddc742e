"""What a result says of the lips on the character's own mesh: how they meet and part, and what holds them open."""

from __future__ import annotations

from ...engine.values.lips import HEAD_MM, LipCheck
from ...engine.values.types import Animation, Rig
from ..host.translations import translate
from .character import Character

SEEN_MM = 1.0           # a slider that moves the lips by less is not worth a sentence
TEETH_MM = 1.5          # inner lips are soft: they may press against the teeth by less than this
NAMES_SHOWN = 6


def notes_on_lips(check: LipCheck | None) -> tuple[str, ...]:
    """How the lips meet, in numbers; nothing for a mesh without lips, or a line without p, b and m."""
    if check is None:
        return ()
    tucked = (translate("The lower lip is at the teeth on {} of {} f v", check.tucked, len(check.tucks)),)
    return (*_closures(check), *(tucked if check.tucks else ()))


def _closures(check: LipCheck) -> tuple[str, ...]:
    if not check.after.tightest:
        return ()
    total, crossing, widest = len(check.after.tightest), f"{check.after.crossing_mm:.1f}", f"{check.widest_mm:.0f}"
    if not check.fitted:
        return (translate(
            "Lips meet on {} of {} p b m, cross by {} mm at most and part by {} mm", check.after.meet, total, crossing,
            widest,
        ),)
    return (translate(
        "Lips meet on {} of {} p b m ({} before fitting), cross by {} mm at most ({} before) and part by {} mm",
        check.after.meet, total, check.before.meet, crossing, f"{check.before.crossing_mm:.1f}", widest,
    ),)


def warnings_of_lips(character: Character, rig: Rig, animation: Animation) -> tuple[str, ...]:
    """What is wrong with the mouth of this character, each with the next step."""
    found, check = [empty_keys(rig.empty_keys)], animation.lips
    if check is None:
        return tuple(filter(None, found))
    if not check.opens:
        found.append(translate(
            "The mouth stays shut: the jaw parts the lips by {} mm only. Choose another preset, or use Match by Shape",
            f"{check.opening * HEAD_MM:.1f}",
        ))
    if check.through_teeth_mm > TEETH_MM:
        found.append(translate(
            "The upper teeth come through a lip by {} mm: look at the roll of the lips, or lower the gain of Lips",
            f"{check.through_teeth_mm:.1f}",
        ))
    keyed = {channel.name for channel in animation.curves.curves} if animation.curves else set()
    for name, value in _raised(character):
        moved = value * check.parting.get(name, 0.0) * HEAD_MM
        if name not in keyed and abs(moved) > SEEN_MM:
            found.append(translate(
                "{} is at {} and moves the lips by {} mm all along. Set it to 0 if that is not meant",
                name, f"{value:.2f}", f"{abs(moved):.0f}",
            ))
    return tuple(filter(None, found))


def empty_keys(names: frozenset[str]) -> str:
    """Which shape keys are left out because they move nothing; empty for none."""
    if not names:
        return ""
    shown = ", ".join(sorted(names)[:NAMES_SHOWN]) + (" ..." if len(names) > NAMES_SHOWN else "")
    return translate("Empty shape keys that move nothing are left out: {}", shown)


def _raised(character: Character) -> list[tuple[str, float]]:
    """Shape keys whose sliders stand above 0, and where."""
    blocks = [
        block for obj in character.shaped_objects() for block in obj.data.shape_keys.key_blocks if not block.mute
    ]
    return list({block.name: block.value for block in blocks if block.value > 0}.items())
