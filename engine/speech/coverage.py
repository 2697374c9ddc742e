"""Which sounds a clip lacks, in letters that people read: sounds that look alike on a face count as one."""

from __future__ import annotations

from collections.abc import Sequence

from ..values.phones import Phone

SPOKEN_S = 0.03          # a sound must last so long somewhere to count: shorter ones are slips of the recogniser
GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("p b m", ("P", "B", "M")), ("f v", ("F", "V")), ("th", ("TH", "DH")), ("t d n l", ("T", "D", "N", "L")),
    ("s z", ("S", "Z")), ("sh ch j", ("SH", "ZH", "CH", "JH")), ("k g ng", ("K", "G", "NG")), ("r", ("R", "ER")),
    ("w", ("W",)), ("y", ("Y",)), ("h", ("HH",)), ("ah (father)", ("AA", "AH")), ("a (cat)", ("AE",)),
    ("aw (law)", ("AO",)), ("eh (bed)", ("EH", "AX")), ("ee (see)", ("IY", "IH")),
    ("oh (go)", ("OW",)), ("oo (too)", ("UW", "UH")), ("ü ö", ("UE", "OE")), ("silence", ("SIL",)),
)


def unheard_sounds(phones: Sequence[Phone], known: Sequence[str], start_s: float, end_s: float) -> tuple[str, ...]:
    """Groups of GROUPS of which nothing is spoken from start_s to end_s, among the phones that a model knows."""
    spoken = {phone.label for phone in phones if min(phone.end_s, end_s) - max(phone.start_s, start_s) >= SPOKEN_S}
    return tuple(name for name, members in GROUPS if set(members) & set(known) and spoken.isdisjoint(members))
