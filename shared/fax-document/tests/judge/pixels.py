"""Pages as means of cells, and how far two of them differ."""
import re
import numpy as np

DPI = 204
CELL = 12          # pixels of 204 to the inch: what the eye takes in at arm's length
STEP = 64          # a difference in grey that shows
PAPER = 245        # lighter than this a cell has no ink
INK = 215          # darker than this a cell has ink that cannot be overlooked
BARE = 254         # lighter than this a cell is bare paper
LINE = 1728 / DPI  # inches across a fax


def pnm(path):
    """A picture in PBM or PGM (binary), 0 is black and 255 white."""
    with open(path, "rb") as file:
        data = file.read()
    head = re.match(rb"(P[45])\s+(?:#[^\n]*\n\s*)*(\d+)\s+(\d+)\s", data)
    kind, w, h = head.group(1), int(head.group(2)), int(head.group(3))
    at = head.end()
    if kind == b"P4":
        bits = np.frombuffer(data, np.uint8, (w + 7) // 8 * h, at).reshape(h, -1)
        return 255 - 255 * np.unpackbits(bits, axis=1)[:, :w]
    at += re.match(rb"\d+\s", data[at:]).end()
    return np.frombuffer(data, np.uint8, w * h, at).reshape(h, w)


def grid(width, height):
    """Cells across and down a page of so many pixels."""
    return max(1, width // CELL), max(1, height // CELL)


def cells(page, across, down):
    """The page as `across` by `down` means, from 0 to 255."""
    means = page
    for count in (down, across):       # along the rows, then, turned, along the columns
        size = means.shape[0]
        kind = np.uint32 if means.dtype == np.uint8 else np.float64
        total = np.zeros((size + 1, means.shape[1]), kind)
        np.cumsum(means, axis=0, dtype=kind, out=total[1:])
        edges = np.linspace(0, size, count + 1)
        low = np.minimum(np.floor(edges).astype(int), size)
        high = np.minimum(low + 1, size)
        part = (edges - low)[:, None]
        at = total[low] * (1 - part) + total[high] * part
        means = (np.diff(at, axis=0) * (count / size)).T
    return means


def differ(a, b):
    """Of the cells that either has ink in, the share that differ."""
    inked = (a < PAPER) | (b < PAPER)
    return float(((np.abs(a - b) > STEP) & inked).sum() / max(1, inked.sum()))


def differ_but_for_shade(theirs, ours):
    """As `differ`, where more ink on ink is no difference: grey type and lines are drawn solid on purpose."""
    return differ(theirs, np.where((theirs < PAPER) & (ours < theirs), theirs, ours))


def lost(a, b, ours):
    """Cells in which both others have ink and ours is bare, around it too: where a word may have vanished."""
    bare = ours >= BARE
    padded = np.pad(bare, 1, constant_values=True)
    around = padded[1:-1, :-2] & padded[1:-1, 2:] & bare
    return int((around & (a < INK) & (b < INK)).sum())


def on_sheet(page, size):
    """The part of a fax page, 204 by 196 to the inch, that shows a page of this size in inches; turned as that is."""
    w, h = size
    rows = page.shape[0]
    fit = lambda w, h: min(LINE / w, rows / 196 / h)
    turned = fit(h, w) > fit(w, h) * 1.01
    scale = fit(h, w) if turned else fit(w, h)
    aw, ah = (h, w) if turned else (w, h)
    pw, ph = aw * scale * DPI, ah * scale * 196
    x, y = (1728 - pw) / 2, (rows - ph) / 2
    page = page[max(0, round(y)):max(1, round(y + ph)), max(0, round(x)):max(1, round(x + pw))]
    return np.rot90(page, -1) if turned else page
