"""Find out by geometry which shape key of a head is which channel, where names tell nothing.

Each pose of a reference head whose channels are known (the test head) is carried over to the target's vertices and
compared with each of its keys. The result is a proposal for a person to look at, and a preset of what they accept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rig.mirror import mirrored_name
from ..rig.names import first_names
from ..rig.preset import ARKIT_SOURCE, Preset, Target
from ..values.errors import Cancelled, RigError
from ..values.types import Cancel, HeadMesh, Progress, RigChannel, never, no_progress
from .shape_align import (
    ROUNDS,
    Array,
    Index,
    Similarity,
    Surface,
    by_picks,
    candidates,
    nearest,
    refine,
    surface,
    with_normals,
)
from .shape_twins import Likeness, Paired, Unit, channel_units, key_units, pair_up

REFERENCE_POINTS, TARGET_POINTS = 6000, 3000       # compared vertices
ROUGH_POINTS = 500          # of the target, for choosing among placements
NEIGHBOURS = 3              # reference vertices that a target vertex takes its displacement from
FAR_MM = 15.0               # from the reference surface: what lies so far counts half
LEAST_SCORE = 0.2           # cosine; a key that looks less like a channel's pose is none
LEAST_GAIN = 0.15           # of a pose's energy that a further key must explain
SHARED_SCORE = 0.4          # cosine from which a key may serve a second channel
FULL = (0.125, 8.0)         # measured weights in here become 1: an artist's full pose is the full pose
TICKED_SCORE = 0.45         # cosine from which a match is sure: below, a person has to look first
CLEAR_MARGIN = 0.1          # by which the score must exceed the rival's: else the key may be the rival's
PAIR_MARGIN = 0.1           # the same of two channels that may be changed over, for the sum of their cosines
WARPS = 3                   # rounds of laying eyes and mouth corners on each other by the matched keys
HOT = 0.5                   # of a key's largest movement: the centre of these vertices is the key's centre
SURE_SCORE, FEWEST_PAIRS = 0.3, 8       # cosine of the pairs that bend the target, and how many are needed

Units = tuple[tuple[Unit, ...], tuple[Unit, ...]]       # of channels and of keys
_NONE: Index = np.zeros(0, np.intp)


@dataclass(frozen=True)
class ChannelMatch:
    """One channel's proposal.

    Attributes:
        keys: names and weights. score: cosine between the channel's pose and these keys together, 0 to 1.
        rival: cosine of the best of these keys with the most similar channel that has no key. Near the score, the key
            may belong to that channel.
        margin: by how much all the cosines fall at least when its keys serve another channel. Near 0, two channels may
            be changed over.
    """

    channel: str
    keys: tuple[tuple[str, float], ...]
    score: float
    rival: float = 0.0
    margin: float = 1.0


@dataclass(frozen=True)
class ShapeProposal:
    """What was found.

    Attributes:
        matches: in the order of the reference's channels, without those that found no key.
        unmatched: channels without a key. unused: keys without a channel.
        placement: how the target lies on the reference.
    """

    matches: tuple[ChannelMatch, ...]
    unmatched: tuple[str, ...]
    unused: tuple[str, ...]
    placement: Similarity


@dataclass(frozen=True)
class Picks:
    """Points that the user set on the target, and the same on the reference head: name -> (x, y, z)."""

    target: Mapping[str, Sequence[float]] = field(default_factory=dict)
    reference: Mapping[str, Sequence[float]] = field(default_factory=dict)


def match_shapes(
    target: HeadMesh, reference: HeadMesh, picks: Picks = Picks(), progress: Progress = no_progress,
    cancelled: Cancel = never,
) -> ShapeProposal:
    """Propose keys of the target for the reference's channels.

    Args:
        picks: none lets the placement be guessed from where the keys move.
    Raises:
        RigError: no keys, none of them moves anything, or picks that fit no face. Cancelled.
    """
    part, whole = _surface(target), surface(reference.points, reference.moves, reference.triangles)
    progress(0.1)
    placement = place_head(part, whole.thinned(REFERENCE_POINTS), picks, cancelled)
    progress(0.7)
    placed = part.thinned(TARGET_POINTS).placed(placement)
    units = channel_units(reference.names), key_units(placed)
    skin = largest_piece(reference)
    wide = [whole, surface(skin.points, skin.moves, skin.triangles)]
    # a mask has no eyeballs, teeth and tongue, whose movements its lids and lips would be compared with
    tried = [_settled(placed, side.thinned(REFERENCE_POINTS), units, cancelled) for side in wide]
    fields = max(tried, key=lambda fields: fields.paired(units).worth)
    progress(0.9)
    matches = _matches(fields, units, reference.names, target.names)
    found = {match.channel for match in matches}
    used = {name for match in matches for name, _ in match.keys}
    progress(1.0)
    unmatched = tuple(name for name in reference.names if name not in found)
    return ShapeProposal(matches, unmatched, tuple(name for name in target.names if name not in used), placement)


def largest_piece(head: HeadMesh) -> HeadMesh:
    """The skin of a head: its largest connected piece; the head itself where it has no faces."""
    if not len(head.triangles):
        return head
    labels = np.arange(len(head.points))
    before = None
    while before is None or (labels != before).any():
        before, least = labels, labels[head.triangles].min(1)
        labels = labels.copy()
        np.minimum.at(labels, head.triangles.ravel(), np.repeat(least, 3))
        labels = labels[labels]
    rows = np.flatnonzero(labels == np.bincount(labels).argmax())
    place = np.full(len(labels), -1)
    place[rows] = np.arange(len(rows))
    triangles = place[head.triangles]
    return HeadMesh(head.points[rows], triangles[triangles[:, 0] >= 0], head.moves[:, rows], head.names)


def place_head(target: Surface, reference: Surface, picks: Picks, cancelled: Cancel = never) -> Similarity:
    """How the target lies on the reference. Raises RigError for picks that fit no face, Cancelled."""
    if picks.target:
        return by_picks(picks.target, picks.reference)
    rough = target.thinned(ROUGH_POINTS)
    best, found = -1.0, None
    for placement in candidates(target, reference):
        _look(cancelled)
        placed = rough.placed(placement)
        likeness = float(_Fields.of(placed, reference, placed.points).similarity.max(0).mean())
        if likeness > best:
            best, found = likeness, placement
    assert found is not None
    return refine(target.thinned(800), reference.thinned(2500), found, ROUNDS)


def guess_points(target: HeadMesh, reference: HeadMesh, landmarks: Mapping[str, Sequence[float]]) -> dict[str, Array]:
    """Where the reference head's landmarks probably lie on the target, in its units. Raises as match_shapes does."""
    part = _surface(target)
    wide = surface(reference.points, reference.moves, reference.triangles).thinned(REFERENCE_POINTS)
    guessed = place_head(part, wide, Picks()).back(np.array(list(landmarks.values()), np.float64))
    near = nearest(guessed, target.points, 1)[0][:, 0]
    return {name: target.points[row] for name, row in zip(landmarks, near, strict=True)}


def sure_channels(matches: Sequence[ChannelMatch]) -> frozenset[str]:
    """The channels whose match needs no look: alike, with no rival near, and on both sides of the face."""
    alone = {match.channel for match in matches if _is_clear(match)}
    return frozenset(name for name in alone if mirrored_name(name) in alone)


def _is_clear(match: ChannelMatch) -> bool:
    near = max(match.rival + CLEAR_MARGIN, TICKED_SCORE)
    return match.score >= near and match.margin >= PAIR_MARGIN


def preset_of_matches(matches: Sequence[ChannelMatch], name: str) -> Preset:
    """A preset of these matches. Raises RigError when there are none."""
    weights: dict[str, dict[str, float]] = {}
    for match in matches:
        for key, weight in match.keys:
            weights.setdefault(key, {})[match.channel] = round(weight, 3)
    if not weights:
        raise RigError("No channel is ticked, so the preset would move nothing. Tick those that look right.")
    targets = tuple(
        Target(RigChannel("shape_key", key), tuple(sources.items()), clamp=(0.0, 1.0))
        for key, sources in weights.items()
    )
    return Preset(
        name, ARKIT_SOURCE, targets, at_least=max(1, (len(targets) + 1) // 2),
        description="Matched by shape with the lip sync test head.",
    )


@dataclass(frozen=True)
class _Fields:
    """Poses (n_channels, m) and keys (n_keys, m): weighted displacements of the target's vertices; their cosines."""

    poses: Array
    keys: Array
    similarity: Array

    @classmethod
    def of(cls, placed: Surface, reference: Surface, points: Array) -> _Fields:
        """Carry the reference's displacements over to points (m, 3), from near vertices that face the same way."""
        features = np.column_stack([points, with_normals(placed)[:, 3:]])
        near, distances = nearest(features, with_normals(reference), NEIGHBOURS)
        shares = 1 / (distances + 1)
        shares /= shares.sum(1, keepdims=True)
        poses = np.zeros((len(reference.moves), *points.shape))
        for i in range(NEIGHBOURS):
            poses += reference.moves[:, near[:, i]] * shares[:, i, None]
        weights = np.sqrt(placed.areas / (1 + (distances[:, 0] / FAR_MM**2) ** 2))[:, None]
        flat_poses, flat_keys = (np.asarray(moves * weights).reshape(len(moves), -1) for moves in (poses, placed.moves))
        return cls(flat_poses, flat_keys, _unit(flat_poses) @ _unit(flat_keys).T)

    def paired(self, units: Units) -> Paired:
        """Units of channels with their units of keys."""
        poses, keys = _unit(self.poses), _unit(self.keys)
        return pair_up(*units, Likeness(self.similarity, poses @ poses.T, keys @ keys.T), LEAST_SCORE)


def _surface(target: HeadMesh) -> Surface:
    """The target's moving part. Raises RigError: no keys, or none that moves a vertex."""
    if not target.names:
        raise RigError("This mesh has no shape keys that could be matched. Pick a mesh with shape keys for the face.")
    if not np.isfinite(target.moves).all() or not np.isfinite(target.points).all():
        raise RigError("Some vertices lie at no finite place. Fix the mesh (Mesh > Clean Up), then match again.")
    part = surface(target.points, target.moves, target.triangles)
    if len(part.points) < 8:
        raise RigError(
            f"The shape keys of this mesh move nothing ({first_names(target.names)}), so their shapes cannot be "
            "compared. Model them first, or pick another mesh."
        )
    return part


def _unit(rows: Array) -> Array:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))


def _look(cancelled: Cancel) -> None:
    if cancelled():
        raise Cancelled("Matching was stopped; nothing was changed.")


def _settled(placed: Surface, reference: Surface, units: Units, cancelled: Cancel) -> _Fields:
    """Poses and keys after the target was bent until its eyes and mouth lie on those of the reference."""
    warped = placed.points
    for _ in range(WARPS):
        _look(cancelled)
        warped = _warp(placed, reference, _Fields.of(placed, reference, warped), units)
    return _Fields.of(placed, reference, warped)


def _warp(placed: Surface, reference: Surface, fields: _Fields, units: Units) -> Array:
    """The target's points, bent by an affine map that brings the centres of matched keys together.

    Pairs that disagree with the others count little.
    """
    matched = [pair for channel, key in fields.paired(units).pairs for pair in _options(channel, key)[0]]
    rows, columns = (np.array(side, np.intp) for side in zip(*matched, strict=True)) if matched else (_NONE, _NONE)
    similarity = fields.similarity
    sure = similarity[rows, columns] > SURE_SCORE
    if sure.sum() < FEWEST_PAIRS:
        return placed.points
    rows, columns = rows[sure], columns[sure]
    centres = _centres(placed, columns)
    off = _centres(reference, rows) - centres
    terms = np.column_stack([centres, np.ones(len(centres))])
    scores = similarity[rows, columns]
    weights = scores
    bend: NDArray[np.floating[Any]] = np.zeros((4, 3))
    for _ in range(20):
        weighted = (terms * weights[:, None]).T
        bend = np.linalg.solve(weighted @ terms + np.diag([30.0, 30.0, 30.0, 0.0]), weighted @ off)
        weights = scores / (1 + (np.linalg.norm(terms @ bend - off, axis=1) / 5) ** 2)
    return np.asarray(placed.points + np.column_stack([placed.points, np.ones(len(placed.points))]) @ bend)


def _centres(part: Surface, rows: Index) -> Array:
    """Centre of what moves most, for each of these keys."""
    distance = np.sqrt((part.moves[rows] ** 2).sum(2))
    weights = np.where(distance > HOT * distance.max(1, keepdims=True), distance * part.areas, 0.0)
    return np.asarray(weights @ part.points / np.maximum(weights.sum(1), 1e-30)[:, None])


def _matches(fields: _Fields, units: Units, channels: Sequence[str], names: Sequence[str]) -> tuple[ChannelMatch, ...]:
    """The proposal for each channel that has a key, with its rival and its margin."""
    paired = fields.paired(units)
    chosen = _choose(fields, units, paired)
    empty = [row for row, columns in enumerate(chosen) if not columns]
    rows = [row for row, columns in enumerate(chosen) if columns]
    matches = _full_poses([_match(row, chosen[row], fields, channels[row], names) for row in rows])
    margins = {
        row: margin for (channel, _), margin in zip(paired.pairs, paired.margins, strict=True) for row in channel.rows
    }
    return tuple(
        replace(match, rival=_rival(chosen[row], empty, fields), margin=margins.get(row, 0.0))
        for row, match in zip(rows, matches, strict=True)
    )


def _choose(fields: _Fields, units: Units, paired: Paired) -> list[list[int]]:
    """The keys of each channel: the best for each, then keys that add to a channel, then channels that share a key.

    What happens on one side of the face happens on the other.
    """
    channels, keys = units
    chosen: list[list[int]] = [[] for _ in fields.poses]
    _take(chosen, [pair for channel, key in paired.pairs for pair in _options(channel, key)[0]])
    served = {column for columns in chosen for column in columns}
    free = [key for key in keys if not served.intersection(key.rows)]
    for key in sorted(free, key=lambda unit: -float(fields.similarity[:, unit.rows].max())):
        options = [option for channel in channels for option in _options(channel, key)]
        gains = [_mean(_gain_of_key(fields, chosen[row], row, column) for row, column in option) for option in options]
        if max(gains) >= LEAST_GAIN:
            _take(chosen, options[int(np.argmax(gains))])
    for channel in channels:
        if any(chosen[row] for row in channel.rows):
            continue
        options = [option for key in keys for option in _options(channel, key)]
        gains = [_mean(_gain_of_channel(fields, chosen, row, column) for row, column in option) for option in options]
        if gains and max(gains) >= LEAST_GAIN:
            _take(chosen, options[int(np.argmax(gains))])
    _take(chosen, _left_over(fields, units, chosen))
    return chosen


def _left_over(fields: _Fields, units: Units, chosen: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """The only two keys that are left, for the only two channels that are left: by exclusion, for a person to check."""
    served = {column for columns in chosen for column in columns}
    channels = [channel for channel in units[0] if channel.is_pair and not any(chosen[row] for row in channel.rows)]
    keys = [key for key in units[1] if key.is_pair and not served.intersection(key.rows)]
    if len(channels) != 1 or len(keys) != 1:
        return []
    poses, moved = _where(fields.poses), _where(fields.keys)        # they may move alike in nothing but their side
    options = _options(channels[0], keys[0])
    return max(options, key=lambda option: sum(float(poses[row] @ moved[column]) for row, column in option))


def _where(rows: Array) -> Array:
    """How far each vertex moves, (k, m / 3), without the direction."""
    return _unit(np.linalg.norm(rows.reshape(len(rows), -1, 3), axis=2))


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def _take(chosen: list[list[int]], pairs: Sequence[tuple[int, int]]) -> None:
    for row, column in pairs:
        chosen[row].append(column)


def _options(channel: Unit, key: Unit) -> list[list[tuple[int, int]]]:
    """Ways for channels to take keys: pairs of a row and a column. The first is that of sides as they stand."""
    if channel.is_pair and key.is_pair:
        return [list(zip(channel.rows, rows, strict=True)) for rows in (key.rows, key.turned().rows)]
    if channel.lone or key.lone:
        return [[(row, column)] for row in channel.rows for column in key.rows]
    return [[(row, column) for row in channel.rows for column in key.rows]]


def _gain_of_key(fields: _Fields, columns: list[int], row: int, column: int) -> float:
    """What a free key adds to the pose of a channel that has keys."""
    if not columns or fields.similarity[row, column] < LEAST_SCORE:
        return 0.0
    return _gain(fields.poses[row], fields.keys, columns, column)


def _gain_of_channel(fields: _Fields, chosen: list[list[int]], row: int, column: int) -> float:
    """What the pose of a channel without a key adds to the channels that a key serves."""
    if fields.similarity[row, column] < SHARED_SCORE:
        return 0.0
    served = [other for other, columns in enumerate(chosen) if column in columns]
    return _gain(fields.keys[column], fields.poses, served, row)


def _gain(wanted: Array, parts: Array, chosen: Sequence[int], more: int) -> float:
    """Share of the energy of a field that a further part explains beside the chosen ones."""
    energy = float(wanted @ wanted)
    if not energy:
        return 0.0
    return (_unexplained(wanted, parts[list(chosen)]) - _unexplained(wanted, parts[[*chosen, more]])) / energy


def _unexplained(wanted: Array, parts: Array) -> float:
    """Energy of a field that the parts leave out."""
    weights, _ = nonnegative_fit(parts, wanted)
    return float(((wanted - weights @ parts) ** 2).sum())


def nonnegative_fit(parts: Array, wanted: Array) -> tuple[Array, float]:
    """Weights (k,) >= 0 of parts (k, m) nearest to wanted (m,), and the cosine of the result with it.

    Source: coordinate descent; k is small.
    """
    gram, target = parts @ parts.T, parts @ wanted
    weights = np.zeros(len(parts))
    for _ in range(100):
        for i in range(len(parts)):
            if gram[i, i] > 0:
                weights[i] = max(0.0, weights[i] + (target[i] - gram[i] @ weights) / gram[i, i])
    made = weights @ parts
    length = float(np.linalg.norm(made) * np.linalg.norm(wanted))
    return weights, float(made @ wanted) / length if length else 0.0


def _match(row: int, columns: Sequence[int], fields: _Fields, channel: str, names: Sequence[str]) -> ChannelMatch:
    weights, score = nonnegative_fit(fields.keys[list(columns)], fields.poses[row])
    if len(columns) == 1 and score < LEAST_SCORE:       # found by exclusion: how far it goes is not known
        return ChannelMatch(channel, ((names[columns[0]], 1.0),), score)
    weights /= max(score, LEAST_SCORE)          # as large as the pose: a fit alone is smaller the less alike they are
    keys = tuple((names[column], float(weight)) for column, weight in zip(columns, weights, strict=True) if weight > 0)
    return ChannelMatch(channel, keys, score)


def _rival(columns: Sequence[int], empty: Sequence[int], fields: _Fields) -> float:
    return float(fields.similarity[np.ix_(empty, columns)].max()) if empty else 0.0


def _full_poses(matches: Sequence[ChannelMatch]) -> list[ChannelMatch]:
    """Weights of which a key's sum is near 1 made exactly so: a full pose of another head may go farther."""
    sums: dict[str, float] = {}
    for match in matches:
        for key, weight in match.keys:
            sums[key] = sums.get(key, 0.0) + weight
    factor = {key: 1 / total if FULL[0] <= total <= FULL[1] else 1.0 for key, total in sums.items()}
    return [replace(match, keys=tuple((key, weight * factor[key]) for key, weight in match.keys)) for match in matches]
