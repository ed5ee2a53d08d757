"""Words of a PDF that can be read on a page of Poppler's and not on ours, as an OCR (Tesseract) reads them.

A word counts as lost when the PDF's text has it, our page as a whole does not give it as often, its own place on our page does not give
it either, and on Poppler's page that place does. So neither what nobody can read counts, nor the weakness of the OCR.
"""
import html, os, re, subprocess, tempfile
from collections import Counter
from itertools import islice
import numpy as np
import pixels

SHORTEST = 4       # letters of a word that is looked for
AROUND = 0.06      # inches around a word that its picture shows
MOST = 40          # words of a page that are looked at one by one
ENOUGH = 3         # lost words, after which no more are looked for


def plain(text):
    """The letters and figures of a word, as far as an OCR tells them apart."""
    return re.sub(r"[^a-z0-9]", "", text.lower()).translate(str.maketrans("01l5", "oiis"))


def words_of(path, number):
    """The words of a page of a PDF, and where they stand: left, top, right, bottom in inches."""
    command = ["pdftotext", "-q", "-cropbox", "-bbox", "-f", str(number), "-l", str(number), path, "-"]
    text = subprocess.run(command, capture_output=True, timeout=60).stdout.decode("utf-8", "replace")
    found = re.findall(r'<word xMin="([-\d.]+)" yMin="([-\d.]+)" xMax="([-\d.]+)" yMax="([-\d.]+)">(.*?)</word>', text)
    words = [(plain(html.unescape(word)), tuple(float(side) / 72 for side in box)) for *box, word in found]
    return [(word, box) for word, box in words if len(word) >= SHORTEST and word.isascii() and re.search("[a-z]", word)]


def read(page, layout):
    """The words that Tesseract reads in a picture; `layout` 3 is a page, 8 a word."""
    rows, columns = page.shape
    head = b"P5 %d %d 255\n" % (columns, rows)
    command = ["tesseract", "-", "-", "-l", "eng", "--psm", str(layout), "--dpi", str(pixels.DPI)]
    environment = dict(os.environ, OMP_THREAD_LIMIT="1")
    done = subprocess.run(command, input=head + page.astype(np.uint8).tobytes(), capture_output=True, env=environment, timeout=120)
    return [plain(word) for word in done.stdout.decode("utf-8", "replace").split()]


def place(page, box, size):
    """The part of a page, of so many inches, around a box in inches; with a margin, twice as large."""
    rows, columns = page.shape
    across, down = columns / size[0], rows / size[1]
    left, top, right, bottom = box
    part = page[max(0, int((top - AROUND) * down)):int((bottom + AROUND) * down),
                max(0, int((left - AROUND) * across)):int((right + AROUND) * across)]
    return np.pad(np.kron(part, np.ones((2, 2), np.uint8)), 20, constant_values=255)


def is_read(word, page, box, size):
    part = place(page, box, size)
    return min(part.shape) > 48 and any(word in found for found in ("".join(read(part, layout)) for layout in (8, 7)))


def drawn_by_poppler(path, number):
    with tempfile.TemporaryDirectory() as folder:
        command = ["pdftoppm", "-q", "-cropbox", "-r", str(pixels.DPI), "-gray", "-f", str(number), "-l", str(number), "-singlefile", path]
        subprocess.run([*command, f"{folder}/p"], capture_output=True, timeout=60)
        return pixels.pnm(f"{folder}/p.pgm")


def lost(path, number, ours, size):
    """How many words of a page are looked for, and the first that ours has lost, a grey picture of `size` inches."""
    words = words_of(path, number)
    if not words:
        return 0, []
    read_here = Counter(read(ours, 3))
    doubtful = []
    for word, box in words:
        if read_here[word] > 0:
            read_here[word] -= 1
        else:
            doubtful.append((word, box))
    if not doubtful:
        return len(words), []
    theirs = drawn_by_poppler(path, number)
    gone = (word for word, box in doubtful[:MOST] if not is_read(word, ours, box, size) and is_read(word, theirs, box, size))
    return len(words), list(islice(gone, ENOUGH))
