"""Jobs files of Blender: which sound goes on which character of which .blend file; docs/BATCH.md has every field."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...engine.files.jobs_file import JobsError, JobsReader, RawJob, as_switch, as_text, looks_like_path
from ..take.options import BY_NAME, SOUNDS, WORDS, with_switches
from .choice_fields import ID_OR_PATH, read

PICTURES = {"contact_sheet": ".png", "playblast": ".mp4"}   # fields that name a picture to draw, and their endings
OWN_FIELDS = ("id", "blend", "save", "scene", "transcript_file", "list", *PICTURES)
OWN_PATHS = ("blend", "save", "transcript_file", *PICTURES)
# What the rows of a scene's list say themselves.
OF_A_ROW = (*SOUNDS, *WORDS, "character", "start_frame", "use_range", "range_start", "range_end")
NAME_MARK = "{name}"            # in "save" and pictures: the .blend file's name without its ending
ID_MARK = "{id}"                # in pictures: the job's id, with _ for what no file name takes
NO_FILE_NAME = r'[<>:"/\\|?*\x00-\x1f]+'


@dataclass(frozen=True)
class ShotJob:
    """One line of sound on one character of one .blend file.

    Attributes:
        id: its name in the report, unique. place: where it stands, for messages.
        blend, save: absolute paths of the file to open and the file to write.
        scene: name, or empty for the file's active scene.
        transcript_file: absolute path, or empty.
        whole_list: all lines of the scene's own list, as Generate All makes them.
        given: choices that the job or its defaults give; the file's own panel says the rest.
        contact_sheet, playblast: absolute paths of the pictures to draw, or empty.
    """

    id: str
    place: str
    blend: str
    save: str
    scene: str
    transcript_file: str
    whole_list: bool
    given: Mapping[str, object]
    contact_sheet: str = ""
    playblast: str = ""

    @property
    def pictures(self) -> tuple[str, ...]:
        """Paths of all pictures of the job."""
        return tuple(filter(None, (self.contact_sheet, self.playblast)))


def read_jobs(path: str) -> list[ShotJob]:
    """Every job of a file.

    Args:
        path: the jobs file; relative paths in it count from its folder.
    Raises:
        JobsError: the first thing that is wrong, with its line, field, value, and what would be right.
    """
    jobs = list(_ShotReader(os.path.abspath(path)).jobs())
    if not jobs:
        raise JobsError(
            f"Jobs file {path} holds no job. Write one per line, for example "
            '{"blend": "shot.blend", "strip": "line", "save": "out.blend"}.'
        )
    return jobs


class _ShotReader(JobsReader[ShotJob]):
    """Jobs of Blender: their own fields, and every option of the panel."""

    RIVALS = (tuple(SOUNDS), WORDS)

    def job(self, raw: RawJob, own: Mapping[str, object], defaults: Mapping[str, object]) -> ShotJob:
        """A job of its own fields over the defaults. Raises JobsError."""
        values = self._as_list(raw, own, {**defaults, **own})
        for name in ("blend", "save"):
            if not values.get(name):
                problem = "is missing. Every job names the .blend file to open (blend) and the one to write (save)"
                raise self.error(raw, name, problem)
        blend = str(values["blend"])
        save = str(values["save"]).replace(NAME_MARK, Path(blend).stem)
        if not save.lower().endswith(".blend"):
            raise self.error(raw, "save", "does not end in .blend. Name the .blend file to write")
        name = self.id_of(raw, values)
        return ShotJob(
            id=name,
            place=raw.place,
            blend=blend,
            save=save,
            scene=str(values.get("scene", "")),
            transcript_file=str(values.get("transcript_file", "")),
            whole_list=bool(values.get("list")),
            given=with_switches({name: value for name, value in values.items() if name not in OWN_FIELDS}),
            **self._pictures(raw, values, Path(blend).stem, name),
        )

    def _as_list(self, raw: RawJob, own: Mapping[str, object], values: dict[str, object]) -> dict[str, object]:
        """The values of a job; a job for a scene's list has none of what the rows of that list say themselves."""
        if not values.get("list"):
            return values
        of_a_row = next((name for name in OF_A_ROW if name in own), None)
        if of_a_row is None:
            return {name: value for name, value in values.items() if name not in OF_A_ROW}
        if own.get("list"):
            problem = "stands beside list. The lines of the list say that themselves: leave one of both out"
            raise self.error(raw, of_a_row, problem)
        return {**values, "list": False}        # a job of one line, under defaults for lists

    def _pictures(self, raw: RawJob, values: Mapping[str, object], stem: str, name: str) -> dict[str, str]:
        """The pictures of a job by field, with their marks filled."""
        found: dict[str, str] = {}
        for field, ending in PICTURES.items():
            path = str(values.get(field, ""))
            if not path or (values.get("list") and field not in raw.values):
                continue
            if values.get("list"):
                problem = "stands beside list. A picture shows one take: give it to jobs of one line"
                raise self.error(raw, field, problem)
            if not path.lower().endswith(ending):
                raise self.error(raw, field, f"does not end in {ending}. Name the file to write")
            found[field] = path.replace(NAME_MARK, stem).replace(ID_MARK, re.sub(NO_FILE_NAME, "_", name))
        return found

    def value(self, raw: RawJob, name: str, value: object) -> object:
        """The value of a field as it is meant. Raises JobsError."""
        field = BY_NAME.get(name)
        if field is None and name not in OWN_FIELDS:
            near = difflib.get_close_matches(name, [*OWN_FIELDS, *BY_NAME], 1, 0.5)
            hint = f"Did you mean {near[0]}?" if near else "docs/BATCH.md lists all fields"
            raise self.error(raw, name, f"is no field. {hint}")
        try:
            value = read(field, value) if field is not None else as_switch(value) if name == "list" else as_text(value)
        except ValueError as error:
            raise self.error(raw, name, str(error)) from error
        is_path = name in OWN_PATHS or (field is not None and field.is_path)
        is_path = is_path or (name in ID_OR_PATH and looks_like_path(str(value)))
        return self.absolute(str(value)) if is_path else value
