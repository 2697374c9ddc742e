"""A FaceFormer-sized head of 5,023 vertices for ten seconds: the reference's loop, the cache in torch, and the graphs
of a model folder in ONNX Runtime. Run `python -m tests.bench.talkers`; the features of the sound are made once before.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.learn.export.talker_folder import numbered_rows, write_steps_only
from engine.learn.faces.folder_contents import TalkerContents
from engine.model.runtime import open_graph
from engine.nets.faceformer import DecoderSizes, FaceFormer
from engine.systems.autoregressive import read_talker, unroll

VERTICES, FRAMES, RUNS = 5023, 300, 3
PAPER_S, PAPER = 0.705, "FaceFormer, ten seconds on a V100, UniTalker's table"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    network = FaceFormer(DecoderSizes(768), 3 * VERTICES, 8).eval()
    with torch.no_grad():
        network.motion_out.weight.normal_(std=0.01)
    features = torch.randn(1, FRAMES, 768)
    facts = TalkerContents(
        "FLAME_5023_vertices", "vertices", 30, np.zeros(3 * VERTICES, np.float32), numbered_rows(8, "Speakers"), True,
        "none", "random weights",
    )
    with tempfile.TemporaryDirectory() as folder:
        write_steps_only(network, Path(folder), facts)
        rows = {
            "reference's loop, torch": lambda: naive(network, features),
            "cache, torch": lambda: network(features, network.styles[:1], FRAMES),
            "cache, ONNX Runtime": lambda: graphs(Path(folder), network, features, options.threads),
        }
        seconds = {name: shortest(run) for name, run in rows.items()}
        first, last = (rows[name]() for name in ("reference's loop, torch", "cache, ONNX Runtime"))
    scaled = PAPER_S * seconds["cache, ONNX Runtime"] / seconds["reference's loop, torch"]
    for name, value in seconds.items():
        print(f"{name:26s} {value:7.3f} s")
    print(f"{PAPER}: {PAPER_S} s; scaled by this machine's two loops: {scaled:.3f} s")
    print(f"largest difference of their motion: {float((first - last).abs().max()):.1e}")


def shortest(run: Callable[[], Tensor]) -> float:
    """Seconds of the shortest of a few runs."""
    taken = []
    for _ in range(RUNS):
        start = time.perf_counter()
        with torch.no_grad():
            run()
        taken.append(time.perf_counter() - start)
    return min(taken)


@torch.no_grad()
def naive(network: FaceFormer, features: Tensor) -> Tensor:
    """As the released code does it: each frame recomputes all frames before, vertices and all."""
    memory, style = network.memory(features, FRAMES), network.styles[:1]
    given = style[:, None]
    for frame in range(FRAMES):
        hidden, _ = network.decoder(given, memory[:, :frame + 1], network.decoder.empty_cache())
        motion = network.motion_out(hidden)
        given = torch.cat([given, network.motion_in(motion[:, -1:]) + style[:, None]], 1)
    return motion


@torch.no_grad()
def graphs(folder: Path, network: FaceFormer, features: Tensor, threads: int) -> Tensor:
    """The step graph as the engine runs it, then the head's vertices."""
    memory = network.memory(features, FRAMES)[0].flatten(1).numpy()
    step = open_graph(folder / "decoder.onnx", "cpu", threads)
    hidden = unroll(step, read_talker(folder), memory, network.styles[0].detach().numpy())
    with np.load(folder / "heads.npz") as head:
        name = "FLAME_5023_vertices"
        coefficients = hidden @ head[f"{name}/W"] + head[f"{name}/b"]
        vertices = coefficients @ np.load(folder / f"{name}.pca.npy") + head[f"{name}/mean"]
    return torch.from_numpy(vertices)[None]


if __name__ == "__main__":
    main()
