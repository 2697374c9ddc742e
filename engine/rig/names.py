"""Find what a preset wants among the names that a rig has.

Shape keys are the same when their words are the same: jawOpen, JawOpen and jaw_open; eyeBlinkLeft, eyeBlink_L,
EyeBlink.L and eye_blink_left. All spellings on the rig are taken, since a character's meshes (face, teeth, lashes) may
spell a key differently.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import lru_cache

from ..values.messages import number_of
from ..values.types import Rig, RigChannel

PREFIX_KEYS = 3     # a vendor prefix counts with so many wanted keys behind it: a single key may be a corrective
MAX_NAMES_SHOWN = 8     # of a list in a message
KEPT_NAMES = 20_000     # whose words are remembered: two dozen presets look at the same rig again and again
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
_SEPARATORS = re.compile(r"[._:|/\- ]+")
_SIDES = {"l": "left", "left": "left", "r": "right", "right": "right"}


def find_on_rig(wanted: Sequence[RigChannel], rig: Rig) -> tuple[tuple[RigChannel, ...], ...]:
    """For each wanted channel the rig's own channels, () where the rig has none; no rig channel is given twice.

    Shape keys: same words (see above); else behind a vendor prefix ("Head_", "CC_Base_Body."). Bones: exact, else
    whatever the case. Properties: exact.
    """
    keys = _find_keys([channel.name for channel in wanted if channel.kind == "shape_key"], rig.shape_keys)
    bones = _find_bones({channel.name for channel in wanted if channel.kind == "bone"}, rig.bones)
    properties: dict[str, tuple[str, ...]] = {name: (name,) for name in rig.properties}
    names: dict[str, dict[str, tuple[str, ...]]] = {"shape_key": keys, "bone": bones, "property": properties}
    return tuple(_spelled(channel, names[channel.kind].get(channel.name, ())) for channel in wanted)


def _spelled(channel: RigChannel, names: Iterable[str]) -> tuple[RigChannel, ...]:
    return tuple(RigChannel(channel.kind, name, channel.path, channel.index) for name in names)


def rig_summary(rig: Rig) -> str:
    """What a character has, in words: "12 shape keys (Basis, Smile, ...), 1 bone (jaw), no custom properties"."""
    return ", ".join((
        _summary(rig.shape_keys, "shape key", "shape keys"), _summary(rig.bones, "bone", "bones"),
        _summary(rig.properties, "custom property", "custom properties"),
    ))


def _summary(names: Collection[str], one: str, many: str) -> str:
    return f"{number_of(len(names), one, many)} ({first_names(sorted(names))})" if names else f"no {many}"


def first_names(names: Sequence[str]) -> str:
    """The first names of a list, for a message."""
    return ", ".join(names[:MAX_NAMES_SHOWN]) + (", ..." if len(names) > MAX_NAMES_SHOWN else "")


def _find_keys(wanted: Sequence[str], have: Collection[str]) -> dict[str, tuple[str, ...]]:
    exact = set(wanted)
    by_case = _first_by(wanted, str.casefold)
    by_words = _first_by(wanted, _words_of)
    found: dict[str, list[str]] = defaultdict(list)
    rest = []
    for name in sorted(have):
        owner = name if name in exact else by_case.get(name.casefold()) or by_words.get(_words_of(name))
        if owner:
            found[owner].append(name)
        else:
            rest.append(name)
    for owner, names in _find_behind_prefix(by_words, rest).items():
        if owner not in found:
            found[owner] = names
    return {owner: tuple(names) for owner, names in found.items()}


def _first_by(names: Iterable[str], form: Callable[[str], str]) -> dict[str, str]:
    """Form of a name -> the first name that has it."""
    first: dict[str, str] = {}
    for name in names:
        first.setdefault(form(name), name)
    return first


@lru_cache(maxsize=KEPT_NAMES)
def _words_of(name: str) -> str:
    """The words of a name in lower case and joined, sides last: "L_browDown" and "BrowDown.Left" are browdownleft."""
    words = _lower_words(name)
    sides = [_SIDES[word] for word in words if word in _SIDES]
    return "".join([word for word in words if word not in _SIDES] + sides) or name


def _find_behind_prefix(by_words: dict[str, str], have: Iterable[str]) -> dict[str, list[str]]:
    """Wanted names behind a prefix that many keys of the rig share and that holds no word of a wanted name.

    So "Head_jawOpen" is found, and the corrective "mouthSmile_jawOpen" is not. Digits may differ within a prefix
    ("A25_", "A26_").
    """
    vocabulary = {word for name in by_words.values() for word in _lower_words(name)}
    behind: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name in have:
        for prefix, words, rest in _prefixes(name):
            owner = by_words.get(rest)
            if owner and vocabulary.isdisjoint(words):
                behind[prefix][owner].append(name)
                break
    found: dict[str, list[str]] = defaultdict(list)
    for owners in behind.values():
        if len(owners) >= min(PREFIX_KEYS, len(by_words)):
            for owner, names in owners.items():
                found[owner] += names
    return found


@lru_cache(maxsize=KEPT_NAMES)
def _lower_words(name: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in _WORDS.findall(name))


@lru_cache(maxsize=KEPT_NAMES)
def _prefixes(name: str) -> tuple[tuple[str, tuple[str, ...], str], ...]:
    """Each prefix of a name without its digits, the prefix's words, and the words of what stands behind it."""
    ends = [separator.end() for separator in _SEPARATORS.finditer(name)]
    return tuple((re.sub(r"\d+", "", name[:end]), _lower_words(name[:end]), _words_of(name[end:])) for end in ends)


def _find_bones(wanted: Collection[str], have: Collection[str]) -> dict[str, tuple[str, ...]]:
    others = {name for name in have if name not in wanted}
    return {
        bone: (bone,) if bone in have else tuple(sorted(name for name in others if name.casefold() == bone.casefold()))
        for bone in wanted
    }
