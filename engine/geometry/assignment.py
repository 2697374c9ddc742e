"""One column for each row so that the sum is largest. Knows only numbers."""

from __future__ import annotations

import numpy as np

from .shape_align import Array, Index


def assign(similarity: Array) -> Index:
    """One column for each row so that the sum is largest; -1 where rows outnumber columns.

    Source: Hungarian method with potentials (Kuhn 1955; Jonker and Volgenant 1987).
    """
    n_rows, n_columns = similarity.shape
    costs = np.zeros((n_rows, max(n_columns, n_rows)))
    costs[:, :n_columns] = -similarity
    width = costs.shape[1]
    row_of = np.full(width + 1, -1)             # the last column is the entry of the row that is being placed
    row_price, column_price = np.zeros(n_rows), np.zeros(width + 1)
    for row in range(n_rows):
        row_of[width], column = row, width
        least, came_from, done = np.full(width, np.inf), np.full(width, width), np.zeros(width + 1, bool)
        while row_of[column] >= 0:
            done[column] = True
            at = row_of[column]
            offer = costs[at] - row_price[at] - column_price[:width]
            better = (offer < least) & ~done[:width]
            least[better], came_from[better] = offer[better], column
            following = int(np.where(done[:width], np.inf, least).argmin())
            step = least[following]
            visited = np.flatnonzero(done)
            row_price[row_of[visited]] += step
            column_price[visited] -= step
            least[~done[:width]] -= step
            column = following
        while column != width:
            before = int(came_from[column])
            row_of[column] = row_of[before]
            column = before
        row_of[width] = -1
    found = np.full(n_rows, -1)
    found[row_of[:width][row_of[:width] >= 0]] = np.flatnonzero(row_of[:width] >= 0)
    return np.where(found < n_columns, found, -1)
