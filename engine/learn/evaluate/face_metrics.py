"""The measures by which papers of speech-driven faces compare: errors of vertices and of channels, against what was
recorded.

Lengths are those of the vertices given: a set's scaled units, or metres. Definitions: Fan et al., "UniTalker" (ECCV
2024), section 4; Xing et al., "CodeTalker" (CVPR 2023), section 4.2, for FDD; Wu et al., "Speech-Driven 3D Face
Animation with Composite and Regional Facial Movements" (ACM MM 2023), section 4, for F-DTW; Han et al., "PMMTalk"
(2023), section 4, for channels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...values.errors import SettingError

Points = NDArray[np.floating]       # (frames, vertices, 3)
Region = NDArray[np.integer] | slice
EVERYWHERE = slice(None)
DTW_BLOCK = 2_000_000               # numbers that are held at once while costs are summed


@dataclass(frozen=True)
class FaceClip:
    """One clip: recorded and given vertices (t, v, 3) of the same length, and the speaker's neutral face (v, 3).

    Raises:
        SettingError: shapes that do not fit; cut both to the shorter one before.
    """

    truth: Points
    given: Points
    neutral: NDArray[np.floating]

    def __post_init__(self) -> None:
        if self.truth.shape != self.given.shape or self.truth.shape[1:] != self.neutral.shape or not len(self.truth):
            raise SettingError(
                f"A clip has {self.truth.shape} recorded and {self.given.shape} given vertices and a neutral face of "
                f"{self.neutral.shape}. All must have one topology, and the two motions one length."
            )


def distances(truth: Points, given: Points, region: Region = EVERYWHERE) -> NDArray[np.float64]:
    """Euclidean distance of each vertex of a region in each frame (t, v)."""
    difference = np.asarray(truth[:, region], np.float64) - given[:, region]
    return np.asarray(np.sqrt(np.einsum("tvc,tvc->tv", difference, difference)), np.float64)


def lip_vertex_error(truth: Points, given: Points, lips: Region) -> float:
    """LVE, length squared: in each frame the largest squared distance on the lips; the mean over frames."""
    return float((distances(truth, given, lips).max(axis=1) ** 2).mean())


def largest_error(truth: Points, given: Points, region: Region) -> float:
    """A length: in each frame the largest distance in a region; the mean over frames. On the lips LVD, also L_max."""
    return float(distances(truth, given, region).max(axis=1).mean())


def mean_error(truth: Points, given: Points, region: Region = EVERYWHERE) -> float:
    """A length: the mean distance. MVE on the whole face, UFVE on its upper part, L_mean on any region."""
    return float(distances(truth, given, region).mean())


def dynamics_deviation(clip: FaceClip, upper: Region) -> float:
    """FDD, length squared, signed: how much more the recorded upper face varies in time than the given one."""
    recorded, given = (_spread(points, clip.neutral, upper) for points in (clip.truth, clip.given))
    return float((recorded - given).mean())


def time_warped_error(truth: Points, given: Points, region: Region = EVERYWHERE) -> float:
    """F-DTW, a length: the summed cost of the cheapest way to pair the frames of two clips in order, not divided.

    Kept from the reference: the way may begin anywhere on the first frame of either clip, and that frame costs nothing.
    """
    cost = _frame_costs(truth[:, region], given[:, region])
    rows, columns = cost.shape
    total = np.zeros(cost.shape)
    for diagonal in range(2, rows + columns - 1):       # all cells of a diagonal depend on the two before it alone
        i = np.arange(max(1, diagonal - columns + 1), min(rows, diagonal))
        j = diagonal - i
        before = np.minimum(np.minimum(total[i - 1, j], total[i, j - 1]), total[i - 1, j - 1])
        total[i, j] = cost[i, j] + before
    return float(total[-1, -1])


def largest_channel_error(truth: NDArray[np.floating], given: NDArray[np.floating]) -> float:
    """LVE of channels (t, k), their unit squared: each frame's largest squared difference; the mean over frames."""
    return float(((np.asarray(truth, np.float64) - given) ** 2).max(axis=1).mean())


def mean_channel_error(truth: NDArray[np.floating], given: NDArray[np.floating]) -> float:
    """ALE of channels (t, k), their unit squared: the mean squared difference."""
    return float(((np.asarray(truth, np.float64) - given) ** 2).mean())


def face_table(clips: Sequence[FaceClip], regions: Mapping[str, Region]) -> dict[str, float]:
    """The measures of a set of clips of one topology.

    LVE, LVD, MVE, UFVE and the L rows pool all frames, FDD and F-DTW are means over clips.

    Args:
        regions: vertex numbers of "lips" and "upper"; what needs a missing one is left out.
    """
    frames = [(clip.truth, clip.given) for clip in clips]
    table = {"MVE": _pooled(frames, mean_error, EVERYWHERE)}
    if "lips" in regions:
        lips = regions["lips"]
        table |= {"LVE": _pooled(frames, lip_vertex_error, lips), "LVD": _pooled(frames, largest_error, lips)}
        table |= {"L_max": table["LVD"], "L_mean": _pooled(frames, mean_error, lips)}
    if "upper" in regions:
        table["UFVE"] = _pooled(frames, mean_error, regions["upper"])
        table["FDD"] = float(np.mean([dynamics_deviation(clip, regions["upper"]) for clip in clips]))
    table["F-DTW"] = float(np.mean([time_warped_error(truth, given) for truth, given in frames]))
    return table


def _pooled(
    frames: Sequence[tuple[Points, Points]], measure: Callable[[Points, Points, Region], float], region: Region,
) -> float:
    """The mean of a measure over the frames of all clips; each measure is itself a mean over frames."""
    counts = [len(truth) for truth, _ in frames]
    return float(np.average([measure(truth, given, region) for truth, given in frames], weights=counts))


def _spread(points: Points, neutral: NDArray[np.floating], region: Region) -> NDArray[np.float64]:
    """Deviation in time of each vertex's squared distance from the neutral face (v,)."""
    offset = np.asarray(points[:, region], np.float64) - neutral[region]
    return np.asarray(np.einsum("tvc,tvc->tv", offset, offset).std(axis=0), np.float64)


def _frame_costs(truth: Points, given: Points) -> NDArray[np.float64]:
    """Mean distance of each recorded frame from each given one (t, s), in blocks of fixed memory."""
    step = max(1, DTW_BLOCK // max(1, given.size))
    rows = [
        np.sqrt(((truth[start:start + step, None] - given[None]) ** 2).sum(-1)).mean(-1)
        for start in range(0, len(truth), step)
    ]
    return np.concatenate(rows)
