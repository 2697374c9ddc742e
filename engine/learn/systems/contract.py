"""What a system brings to be trained: its network, its data, its losses, and what of it becomes a model folder.

The training loop and the export know nothing else of a system. A recipe is a frozen dataclass; its fields are those of
the TOML file that describe the system rather than the loop.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from ..faces.folder_contents import Contents, TalkerContents

Network = TypeVar("Network", bound=nn.Module)
Batch = TypeVar("Batch")


@dataclass(frozen=True)
class Losses:
    """The loss that is minimised, and its parts by name, for the log; tensors without axes."""

    total: Tensor
    parts: Mapping[str, Tensor]


@dataclass(frozen=True)
class Judgement:
    """One number to choose a checkpoint by, higher is better, and a line for the log."""

    value: float
    line: str


@dataclass(frozen=True)
class Stage:
    """A part of a run with weights of its own to train; it begins with a fresh optimizer.

    Attributes:
        first_step: where it begins.
        trains: whether the weight of a name is trained; weights that the network itself froze never are.
    """

    first_step: int
    trains: Callable[[str], bool]


ALL_AT_ONCE = (Stage(0, lambda name: True),)


class Training(ABC, Generic[Network, Batch]):
    """The opened data of one run and the losses on them."""

    @property
    def epoch_steps(self) -> int:
        """Steps of one epoch; 0 where the data have no end."""
        return 0

    def completed(self, recipe: Recipe[Network, Batch]) -> Recipe[Network, Batch]:
        """The recipe with what only the data tell: heads, speakers."""
        return recipe

    @property
    def stages(self) -> Sequence[Stage]:
        """The stages of the run, the first of them at step 0: warm-up of a decoder, then everything."""
        return ALL_AT_ONCE

    @abstractmethod
    def batch(self, step: int, seed: int) -> Batch:
        """The data of one step; the same step and seed give the same batch, so a resumed run equals a whole one."""

    @abstractmethod
    def losses(self, network: Network, batch: Batch) -> Losses:
        """The losses of a network, in training mode, on a batch."""

    def finish(self, network: Network) -> None:
        """Compute what is not learned step by step of the averaged network, after the last step, in place."""
        return

    def score(self, network: Network) -> Judgement | None:
        """How good a network in evaluation mode is; None where nothing can judge: the newest checkpoint is taken."""
        return None


@dataclass(frozen=True)
class GraphSpec:
    """One ONNX graph of a model folder.

    Attributes:
        module: what is traced, in evaluation mode; its large trained weights are rounded to half precision before.
        inputs: example input of each name, in the order of the module's arguments.
        free: by input, the name of axis 1 where its length is free.
        output: name of the output, whose axis 1 is free.
        check: inputs of another length, on which the graph is compared with torch.
    """

    module: nn.Module
    inputs: Mapping[str, Tensor]
    free: Mapping[str, str]
    output: str
    check: tuple[Tensor, ...]


@dataclass(frozen=True)
class FolderSpec:
    """A model folder: graphs and arrays by file name, and the fields of model.json apart from id, date and hashes.

    `copies` names files of another folder that are taken over byte for byte.
    """

    graphs: Mapping[str, GraphSpec]
    arrays: Mapping[str, NDArray[Any] | Mapping[str, NDArray[np.floating]]]
    info: Mapping[str, Any]
    copies: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe(ABC, Generic[Network, Batch]):
    """A system with its sizes and its data."""

    @classmethod
    @abstractmethod
    def of(cls, fields: Mapping[str, Any]) -> Recipe[Network, Batch]:
        """The recipe with the fields of a TOML file. Raises TypeError for a field that it does not know."""

    @abstractmethod
    def build(self) -> Network:
        """The network with fresh weights."""

    def load_published(self, network: Network) -> None:
        """Give a fresh network the published weights that its training starts from; most start from none."""
        return

    @abstractmethod
    def prepare(self, work: Path, recordings: Path | None) -> Training[Network, Batch]:
        """Make what is missing of the training data below `work`, and open it.

        Args:
            recordings: folder of real recordings; those that may be trained on join the data, others choose the best
                checkpoint.
        Raises:
            EngineError: something that the data are made with or of is missing.
        """

    @abstractmethod
    def folder(self, network: Network) -> FolderSpec | Contents | TalkerContents:
        """What the model folder of a network in evaluation mode holds; Contents where the network is a UniTalker,
        TalkerContents where it is a FaceFormer or CodeTalker."""
