"""Pages drawn by sfm beside MuPDF and Poppler: where those two agree, do we?

usage: compare.py [--all | --first] [--cache DIR] [--jobs N] SFM OUT.tsv FILE.pdf... (or - for a list on standard input)
First pages, of every tenth file (by its name) all; with --all of each, with --first of none. What the others draw is kept in DIR. Needs
mutool, pdftoppm, pdfimages and numpy. Writes a row a page (verdict, our difference, theirs, cells lost, page, file) and prints a summary. A page "differs:
darker" where all that differs is that our ink is blacker than theirs in the same places, as grey type is.
"""
import argparse, glob, hashlib, json, os, shutil, subprocess, sys, tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
import numpy as np
import pixels

SHARE = 0.02       # of the cells with ink: more differ, and two renderers disagree; twice that, and ours does
LOST = 3           # cells that both others ink and we leave bare
MOST = 200         # pages of a file


def run(*command, timeout=60):
    try:
        return subprocess.run(command, capture_output=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return None


def numbered(folder, kind):
    """The pictures of a kind in a folder, by the number in their names."""
    paths = glob.glob(f"{folder}/{kind}-*")
    return {int(path.rsplit("-", 1)[1].split(".")[0]): path for path in paths}


def drawn_by_others(path, last):
    """Of each page up to `last`: MuPDF's and Poppler's cells (None where one has none or another size) and its size in inches."""
    dpi = str(pixels.DPI)
    with tempfile.TemporaryDirectory() as folder:
        run("mutool", "draw", "-q", "-r", dpi, "-c", "gray", "-o", f"{folder}/m-%d.pgm", path, f"1-{last}", timeout=60 + last)
        run("pdftoppm", "-q", "-cropbox", "-r", dpi, "-gray", "-f", "1", "-l", str(last), path, f"{folder}/p", timeout=60 + last)
        m, p = numbered(folder, "m"), numbered(folder, "p")
        pages = {}
        for number in sorted(set(m) & set(p)):
            a, b = pixels.pnm(m[number]), pixels.pnm(p[number])
            size = (b.shape[1] / pixels.DPI, b.shape[0] / pixels.DPI)
            if abs(a.shape[0] - b.shape[0]) > 3 or abs(a.shape[1] - b.shape[1]) > 3:
                pages[number] = (None, None, size)
                continue
            grid = pixels.grid(b.shape[1], b.shape[0])
            pages[number] = tuple(np.round(pixels.cells(page, *grid)).astype(np.uint8) for page in (a, b)) + (size,)
        return pages


def kept(cache, path, last):
    """As `drawn_by_others`, from the cache if it is there."""
    name = cache and os.path.join(cache, hashlib.sha1(f"{path} {last}".encode()).hexdigest() + ".npz")
    if name and os.path.exists(name):
        with np.load(name) as file:
            numbers = sorted({int(key.split(" ")[1]) for key in file.files})
            get = lambda key: file[key] if key in file.files else None
            pages = {n: (get(f"m {n}"), get(f"p {n}"), tuple(file[f"s {n}"])) for n in numbers}
    else:
        pages = drawn_by_others(path, last)
    if name and not os.path.exists(name):
        arrays = {f"{kind} {n}": part for n, page in pages.items() for kind, part in zip("mps", page) if part is not None}
        np.savez_compressed(name, **arrays)
    real = lambda cells: None if cells is None else cells.astype(np.float64)
    return {n: (real(m), real(p), size) for n, (m, p, size) in pages.items()}


def ours(sfm, path, folder, last):
    """Our pages by number, or why there are none."""
    out = os.path.join(folder, "o.pdf")
    done = run(sfm, "document", "convert", path, out, timeout=120)
    if done is None:
        return {}, "timeout"
    if done.returncode != 0:
        try:
            error = json.loads(done.stderr.decode().strip().splitlines()[-1])["error"]
            return {}, error.get("code", error["type"]) + ": " + error["message"][:120]
        except (ValueError, IndexError, KeyError):
            return {}, f"exit {done.returncode}"
    run("pdfimages", "-f", "1", "-l", str(last), out, os.path.join(folder, "o"))
    return {number + 1: page for number, page in numbered(folder, "o").items()}, "ok"


def judge(sfm, path, cache, last, words_lost=None):
    """A row for each page: verdict, our difference to the nearer of the others, theirs, cells lost, page.

    `words_lost` is asked about each page that is alike, by path, number, our picture and its size.
    """
    pages = kept(cache, path, last)
    if not pages:
        return [("they cannot", -1.0, -1.0, 0, 1)]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        mine = None
        for number, (a, b, size) in pages.items():
            pair = 1.0 if a is None else pixels.differ(a, b)
            if pair > SHARE:
                rows.append(("they differ", -1.0, pair, 0, number))
                continue
            if mine is None:
                mine, said = ours(sfm, path, folder, last)
            if number not in mine:
                is_blank = said.startswith("document_blank") and min(a.min(), b.min()) >= pixels.PAPER
                rows.append(("alike" if is_blank else "refused " + said, -1.0, pair, 0, number))
                continue
            shown = pixels.on_sheet(pixels.pnm(mine[number]), size)
            c = pixels.cells(shown, a.shape[1], a.shape[0])
            distance, lost = min(pixels.differ(a, c), pixels.differ(b, c)), pixels.lost(a, b, c)
            verdict = "differs" if distance > SHARE * 2 else "alike" if lost < LOST else "lacks something"
            if verdict == "differs" and lost < LOST and min(pixels.differ_but_for_shade(page, c) for page in (a, b)) <= SHARE * 2:
                verdict = "differs: darker"
            words = words_lost(path, number, shown, size) if words_lost and verdict == "alike" else []
            rows.append(("lacks words: " + " ".join(words) if words else verdict, distance, pair, lost, number))
    return rows


def is_tenth(path):
    return hashlib.sha1(os.path.basename(path).encode()).digest()[0] % 10 == 0


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--first", action="store_true")
    parser.add_argument("--cache")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("sfm")
    parser.add_argument("report")
    parser.add_argument("files", nargs="+")
    given = parser.parse_args()
    files = sys.stdin.read().splitlines() if given.files == ["-"] else given.files
    missing = [program for program in (given.sfm, "mutool", "pdftoppm", "pdfimages") if not shutil.which(program)]
    missing += [path for path in files if not os.path.exists(path)]
    if missing:  # else each file would be told as an error of its own
        sys.exit("not there: " + ", ".join(missing[:5]))
    if given.cache:
        os.makedirs(given.cache, exist_ok=True)

    def row(path):
        try:
            return path, judge(given.sfm, path, given.cache, MOST if given.all or not given.first and is_tenth(path) else 1)
        except Exception as error:  # one file must not end the others
            return path, [(f"error {error!r}", -1.0, -1.0, 0, 1)]

    verdicts = Counter()
    with open(given.report, "w") as out, ThreadPoolExecutor(given.jobs) as pool:
        for done, (path, rows) in enumerate(pool.map(row, files)):
            for verdict, mine, pair, lost, number in rows:
                verdicts[verdict if verdict.startswith("differs") else verdict.split(":")[0]] += 1
                out.write(f"{verdict}\t{mine:.4f}\t{pair:.4f}\t{lost}\t{number}\t{path}\n")
            out.flush()
            if done % 100 == 99:
                print(done + 1, "of", len(files), file=sys.stderr, flush=True)
    for verdict, count in sorted(verdicts.items()):
        print(count, verdict)


if __name__ == "__main__":
    main()
