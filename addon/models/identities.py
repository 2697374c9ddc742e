"""The speaking styles of the chosen model for pickers: groups, search, names, and the user's favourites.

Favourites are kept in the add-on preferences, per model: they belong to the animator, not to the shot.
"""

from __future__ import annotations

import json
from collections import Counter

import bpy

from ..host.preferences import own
from ..take import catalog
from ..take.catalog import Item

ALL, FAVOURITES = "ALL", "FAVOURITES"       # what the browser's group may be besides a group of the model
STAR = "★ "


def groups(model: str) -> list[tuple[str, int]]:
    """Groups of a model's identities and how many each has, in the model's order."""
    return catalog.cached(("groups", model), lambda: _count_groups(model))


def _count_groups(model: str) -> list[tuple[str, int]]:
    return list(Counter(group for _, _, group in catalog.identities(model)).items())


def search_items(context: bpy.types.Context, model: str, group: str) -> list[Item]:
    """Enum items to search in: favourites first, with a star, and the group as part of the name.

    An empty group gives all.
    """
    chosen = favourites(context, model)
    return catalog.cached(("search", model, group, chosen), lambda: _search_items(model, group, chosen))


def _search_items(model: str, group: str, chosen: tuple[str, ...]) -> list[Item]:
    items = []
    for name, title, its_group in sorted(catalog.identities(model), key=lambda item: item[0] not in chosen):
        if group in ("", its_group):
            star = STAR if name in chosen else ""
            items.append((name, star + (title if its_group in title else f"{its_group}: {title}"), its_group))
    return items


def group_items(context: bpy.types.Context, model: str) -> list[Item]:
    """Enum items of the browser's group: all, favourites, then the model's groups."""
    count = len(favourites(context, model))
    return catalog.cached(("group items", model, count), lambda: [
        (ALL, "All", "Every identity of the model"),
        (FAVOURITES, f"Favourites ({count})", "Those that you gave a star"),
        *((group, f"{group} ({size})", "A group of the model") for group, size in groups(model)),
    ])


def label(model: str, identity: str) -> str:
    """Name of an identity, as people read it; the id itself for a blend or one that the model lacks."""
    return next((label for name, label, _ in catalog.identities(model) if name == identity), identity)


def favourites(context: bpy.types.Context, model: str) -> tuple[str, ...]:
    """The identities of a model that have a star, in the order in which they got it."""
    preferences = own(context)
    return _read(preferences.favourites).get(model, ()) if preferences is not None else ()


def toggle_favourite(context: bpy.types.Context, model: str, identity: str) -> bool:
    """Give an identity a star, or take it away; whether it has a star now. Raises LookupError without preferences."""
    preferences = own(context)
    if preferences is None:
        raise LookupError(
            "Favourites are kept in the add-on preferences, which this session does not have. "
            "Enable the extension in Preferences > Add-ons."
        )
    kept = _read(preferences.favourites)
    starred = list(kept.get(model, ()))
    (starred.remove if identity in starred else starred.append)(identity)
    kept[model] = tuple(starred)
    preferences.favourites = json.dumps({name: ids for name, ids in kept.items() if ids})
    context.preferences.is_dirty = True
    return identity in starred


def _read(text: str) -> dict[str, tuple[str, ...]]:
    return {model: tuple(ids) for model, ids in json.loads(text or "{}").items()}
