"""The recipe of PMMTalk as its paper has it: XLSR-53, a recogniser of letters and Wav2Lip, from the user's own folders.

The sound's transformer, the image encoder and what stands behind them are trained; the recogniser, Wav2Lip and all
convolutions stay as they were published. A batch is one clip, or a crop of one. Its network has 686 million weights
and is no model folder: `weights/pmmtalk` is what runs in Blender. Source: Han et al., "PMMTalk" (2023), section 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...nets.pmmtalk import AUDIO, PICTURE, TEXT, FusionConfig, Given, PictureEncoder, PmmTalk, Recogniser
from ...nets.pretrained import PretrainedEncoder, make_pretrained
from ...nets.wav2lip import SIDE, Wav2Lip
from ...systems.still import read_picture
from ...values.channels import ARKIT_32
from ...values.errors import SettingError
from ..faces.made_sets import MADE, make_sets
from ..faces.prepared import Ear, Item, prepare
from .contract import FolderSpec, Judgement, Losses, Recipe, Training
from .cue_alignment import CueWeights, alignment_losses, motion_losses, weighted
from .unitalker import SetSpec, opened

KIND = "wav2vec2-large-xlsr-53"
LETTERS = "lm_head."                # of the recogniser's file
PREFIX = "module."                  # of Wav2Lip's weights
DROP_BOTH, DROP_TEXT, DROP_PICTURE, DROP_STYLE = 0.1, 0.2, 0.2, 0.1
JUDGED = 8                          # clips that choose the checkpoint


@dataclass(frozen=True)
class PaperBatch:
    """One clip: wave (1, n), channels (1, t, 32), row of the style table (1,), and which cues are absent (1,)."""

    wave: Tensor
    channels: Tensor
    identity: Tensor
    no_text: Tensor
    no_picture: Tensor


@dataclass(frozen=True)
class PmmTalkPaper(Recipe[PmmTalk, PaperBatch]):
    """The paper's network and what it is trained on.

    Attributes:
        sets: data sets whose channels hold the 32; made: they are the project's own made ones.
        audio: folder of facebook/wav2vec2-large-xlsr-53. text: folder of a recogniser of that shape with its letters,
            such as jonatasgrosman/wav2vec2-large-xlsr-53-chinese-zh-cn. lips: checkpoint of Wav2Lip, .pth.
        face: picture (PNG) of a face from the front, which Wav2Lip lets speak.
        random: no folders; fresh weights of the sizes in `shape`, to try a run.
        crop_s: length of crops; 0 takes whole clips. fps: of the sets.
        sizes: of the fusion, fields of FusionConfig. shape: of fresh encoders, fields of their config.json.
        identities: what only the data tell.
    """

    sets: tuple[SetSpec, ...] = ()
    made: bool = False
    audio: str = ""
    text: str = ""
    lips: str = ""
    face: str = ""
    random: bool = False
    crop_s: float = 0.0
    fps: int = 30
    loss: CueWeights = field(default_factory=CueWeights)
    sizes: dict[str, Any] = field(default_factory=dict)
    shape: dict[str, Any] = field(default_factory=dict)
    letters: int = 3503
    lip_base: int = 16
    picture_channels: tuple[int, ...] = (32, 64, 128, 256, 512)
    identities: tuple[str, ...] = ()

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> PmmTalkPaper:
        """As the contract says."""
        given = dict(fields)
        given["sets"] = tuple(SetSpec(**spec) for spec in given.get("sets", ()))
        given["loss"] = CueWeights(**given.get("loss", {}))
        for name in ("identities", "picture_channels"):
            if name in given:
                given[name] = tuple(given[name])
        return cls(**given)

    def build(self) -> PmmTalk:
        """The network; encoders, recogniser and Wav2Lip with the weights of the folders. Raises SettingError."""
        missing = [name for name in ("audio", "text", "lips") if not getattr(self, name)]
        if missing and not self.random:
            raise SettingError(
                f"The recipe names no {', '.join(missing)}. Give the folders of the encoder and of the recogniser, and "
                "Wav2Lip's checkpoint; or random = true to try a run with fresh weights."
            )
        try:
            encoder, recogniser, lips = self._encoder(self.audio), self._recogniser(), self._lips()
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise SettingError(f"A published network cannot be used: {error}") from error
        pictures = PictureEncoder(self.picture_channels)
        widths = {AUDIO: encoder.dim, TEXT: recogniser.lm_head.out_features, PICTURE: pictures.dim}
        return PmmTalk(FusionConfig(widths, self.identities, **self.sizes), encoder, recogniser, lips, pictures)

    def prepare(self, work: Path, recordings: Path | None) -> PaperTraining:
        """Read the sets. Raises EngineError: one cannot be used, or lacks some of the 32 channels."""
        root = make_sets(work / MADE) if self.made else recordings
        if root is None or not self.sets:
            raise SettingError("The recipe's data sets lie in no folder. Name [[sets]], and --data FOLDER.")
        ear = Ear(lambda wave: wave, "wave", True)
        found: dict[str, list[PaperClip]] = {"train": [], "val": []}
        for spec in self.sets:
            one = opened(spec, root)
            lacking = [name for name in ARKIT_32 if name not in one.space.channels]
            if lacking:
                raise SettingError(f"Set {one.name} lacks {len(lacking)} of the 32 channels: {', '.join(lacking[:4])}.")
            for split, clips in found.items():
                chosen = [item for item in one.recordings if item.split == split]
                most = spec.most_clips if split == "train" else JUDGED
                part = prepare(replace(one, recordings=tuple(chosen[:most or None])), split, ear, work / "prepared")
                columns = [one.space.channels.index(name) for name in ARKIT_32]
                clips += [
                    PaperClip(item, f"{one.name}/{one.identities[item.row]}", tuple(columns)) for item in part.items
                ]
        identities = tuple(dict.fromkeys(clip.identity for clip in found["train"]))
        return PaperTraining(replace(self, identities=identities), found["train"], found["val"], self._face())

    def folder(self, network: PmmTalk) -> FolderSpec:
        """None: the paper's network is not exported. Raises SettingError."""
        raise SettingError(
            "PMMTalk of the paper's size is no model folder: it needs three large networks of the user. Train "
            "weights/pmmtalk.toml for a model that runs in Blender."
        )

    def _encoder(self, folder: str) -> PretrainedEncoder:
        return make_pretrained(KIND, self.shape if self.random else {"folder": folder})

    def _recogniser(self) -> Recogniser:
        if self.random:
            return Recogniser(self._encoder(""), self.letters)
        from safetensors.torch import load_file

        file = Path(self.text) / "model.safetensors"
        letters = {name.removeprefix(LETTERS): value for name, value in load_file(file).items() if LETTERS in name}
        if "weight" not in letters:
            raise ValueError(f"{file} has no {LETTERS}weight. Give a recogniser of letters (Wav2Vec2ForCTC).")
        recogniser = Recogniser(self._encoder(self.text), len(letters["weight"]))
        recogniser.lm_head.load_state_dict(letters)
        return recogniser

    def _lips(self) -> Wav2Lip:
        lips = Wav2Lip(self.lip_base)
        if not self.random:
            saved = torch.load(self.lips, map_location="cpu", weights_only=True)
            weights = saved.get("state_dict", saved)
            lips.load_state_dict({name.removeprefix(PREFIX): value for name, value in weights.items()})
        return lips

    def _face(self) -> Tensor:
        """(3, 96, 96), blue first."""
        if not self.face:
            return torch.full((3, SIDE, SIDE), 0.5)
        return torch.from_numpy(read_picture(self.face, SIDE)[::-1].copy())


@dataclass(frozen=True)
class PaperClip:
    """A prepared clip whose front is its wave; columns of the 32 channels in its motion."""

    item: Item
    identity: str
    columns: tuple[int, ...]


@dataclass(frozen=True)
class PaperTraining(Training[PmmTalk, PaperBatch]):
    """Clips one at a time, in shuffled order; face (3, 96, 96) is what Wav2Lip lets speak."""

    recipe: PmmTalkPaper
    train: Sequence[PaperClip]
    val: Sequence[PaperClip]
    face: Tensor

    @property
    def epoch_steps(self) -> int:
        """A step for each clip."""
        return len(self.train)

    def completed(self, recipe: Recipe[PmmTalk, PaperBatch]) -> Recipe[PmmTalk, PaperBatch]:
        """With speakers."""
        return self.recipe

    def batch(self, step: int, seed: int) -> PaperBatch:
        """The step's clip of its epoch's order, a crop of it, and which of its cues are absent."""
        epoch, place = divmod(step, self.epoch_steps)
        order = np.random.default_rng(seed - step + epoch).permutation(len(self.train))
        rng = np.random.default_rng(seed)
        clip = self.train[order[place]]
        wave, channels = self._crop(clip, rng)
        lot = rng.random()
        rows = self.recipe.identities
        row = len(rows) if rng.random() < DROP_STYLE else rows.index(clip.identity)
        return PaperBatch(
            wave, channels, torch.tensor([row]), torch.tensor([lot < DROP_BOTH + DROP_TEXT]),
            torch.tensor([lot < DROP_BOTH or lot > 1 - DROP_PICTURE]),
        )

    def losses(self, network: PmmTalk, batch: PaperBatch) -> Losses:
        """The paper's four."""
        fusion = network.fusion
        style = fusion.styles[batch.identity]
        cues = network.cues(batch.wave, Given(self.face, batch.channels.shape[1], self.recipe.fps, style))
        absent = {TEXT: batch.no_text, PICTURE: batch.no_picture}
        projected = {cue: fusion.projected(cue, rows, absent.get(cue)) for cue, rows in cues.items()}
        output = fusion(projected, style, "arkit32")
        parts = {**motion_losses(output, batch.channels), **alignment_losses(fusion.aligned(cues))}
        return Losses(weighted(parts, self.recipe.loss), parts)

    @torch.no_grad()
    def score(self, network: PmmTalk) -> Judgement | None:
        """Error of clips that were not learned, in the style of nobody, relative to a face that stays neutral."""
        if not self.val:
            return None
        found = still = 0.0
        for clip in self.val:
            wave, channels = self._crop(clip, np.random.default_rng(0))
            given = Given(self.face, channels.shape[1], self.recipe.fps, network.fusion.styles[-1:])
            found += float(((network(wave, given) - channels) ** 2).sum())
            still += float((channels ** 2).sum())
        share = found / max(still, 1e-30)
        return Judgement(-share, f"error {share:.4f}")

    def _crop(self, clip: PaperClip, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Wave (1, n) and channels (1, t, 32) of a crop, or of the whole clip."""
        item, fps = clip.item, self.recipe.fps
        if item.fps != fps:
            raise SettingError(f"{item.name} has {item.fps} frames a second, the recipe {fps}. Set fps.")
        frames = len(item.motion)
        length = min(frames, round(self.recipe.crop_s * fps)) if self.recipe.crop_s else frames
        first = int(rng.integers(0, frames - length + 1))
        start, stop = (round(frame * 16000 / fps) for frame in (first, first + length))
        motion = (item.motion - item.template)[first:first + length][:, list(clip.columns)]
        return torch.from_numpy(np.array(item.front[start:stop]))[None], torch.from_numpy(motion)[None]
