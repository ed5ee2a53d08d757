"""Our pages of documents of other people's making beside MuPDF's and Poppler's, and their words as an OCR reads them.

usage: judge.py SFM FOLDER

Every page that the two draw alike must be drawn so by us too, with every word of its text, but for what exceptions.tsv lists with a
reason. An exception that is none any more is an error too: take it out, so that the bound only rises.
"""
import os, sys, tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../shared/fax-document/tests/judge"))
import numpy as np  # noqa: E402
import compare, pixels, words  # noqa: E402, where they lie

PAGES = 200        # at least so many pages must be compared
WORDS = 3500       # and so many words looked for


def listed():
    """What is known of pages: (file, page) to the verdict and the reason."""
    with open(os.path.join(HERE, "exceptions.tsv"), encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file if line.strip() and not line.startswith("#")]
    return {(name, int(page)): (verdict, reason) for name, page, verdict, reason in rows}


def judged(sfm, path):
    """A row for each page of a file: page and verdict. And how many words were looked for."""
    looked_for = []

    def words_lost(*page):
        count, lost = words.lost(*page)
        looked_for.append(count)
        return lost

    rows = compare.judge(sfm, path, None, compare.MOST, words_lost)
    return [(number, verdict) for verdict, *_, number in rows], sum(looked_for)


def blind(sfm, path):
    """What the judge does not see of a word that is blotted out on our page: it must see it both ways, and nothing before."""
    with tempfile.TemporaryDirectory() as folder:
        mine, _ = compare.ours(sfm, path, folder, 1)
        pages = compare.drawn_by_others(path, 1)
        a, b, size = pages[1]
        page = np.array(pixels.on_sheet(pixels.pnm(mine[1]), size))
        word, box = max(words.words_of(path, 1), key=lambda found: len(found[0]))
        whole = page.copy()
        across, down = page.shape[1] / size[0], page.shape[0] / size[1]
        page[int(box[1] * down):int(box[3] * down), int(box[0] * across):int(box[2] * across)] = 255
        faults = []
        for name, shown, wanted in (("a whole page", whole, []), (f"a page without {word}", page, [word])):
            cells = pixels.cells(shown, a.shape[1], a.shape[0])
            if words.lost(path, 1, shown, size)[1] != wanted:
                faults.append(f"the judge of words is wrong about {name}")
            if (pixels.lost(a, b, cells) >= compare.LOST) != bool(wanted):
                faults.append(f"the judge of cells is wrong about {name}")
        return faults


def main():
    sfm, folder = sys.argv[1:]
    names = sorted(name for name in os.listdir(folder) if name.endswith(".pdf"))
    exceptions, counts, looked_for = listed(), Counter(), 0
    faults = blind(sfm, os.path.join(folder, "reportlab-Helvetica.pdf"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, (rows, count) in zip(names, pool.map(lambda name: judged(sfm, os.path.join(folder, name)), names)):
            looked_for += count
            for number, verdict in rows:
                kind = verdict.split(":")[0]
                counts[kind] += 1
                known = exceptions.pop((name, number), None)
                if kind in ("alike", "they differ"):
                    if known:
                        faults.append(f"{name} page {number} is {kind} now: take it out of exceptions.tsv")
                elif known is None or known[0] != kind:
                    faults.append(f"{name} page {number}: {verdict}")
    faults += [f"{name} page {number} is listed and was not compared" for name, number in exceptions]
    print(", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())), f"; {looked_for} words looked for")
    if sum(counts.values()) - counts["they differ"] - counts["they cannot"] < PAGES:
        faults.append(f"fewer than {PAGES} pages on which the others agree")
    if looked_for < WORDS:
        faults.append(f"fewer than {WORDS} words looked for")
    for fault in faults:
        print(fault)
    sys.exit(bool(faults))


main()
