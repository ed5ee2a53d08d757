"""First pages drawn by sfm beside MuPDF and Poppler: where those two agree, do we?

usage: compare.py SFM OUT.tsv FILE.pdf...
Needs mutool, pdftoppm, pdfimages and numpy. Prints a row a document and a summary.
"""
import json, os, re, subprocess, sys, tempfile
import numpy as np

CELL = 12          # pixels of 204 to the inch: what the eye takes in at arm's length
STEP = 64          # a difference in grey that shows
PAPER = 245        # lighter than this a cell has no ink
SHARE = 0.02       # of the cells with ink: more differ, and two renderers disagree; twice that, and ours does

def run(*command, timeout=40):
    try:
        return subprocess.run(command, capture_output=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return None

def pnm(path):
    data = open(path, "rb").read()
    m = re.match(rb"(P[45])\s+(?:#[^\n]*\n\s*)*(\d+)\s+(\d+)\s+(?:(\d+)\s)?", data)
    kind, w, h = m.group(1), int(m.group(2)), int(m.group(3))
    if kind == b"P4":
        m = re.match(rb"P4\s+(?:#[^\n]*\n\s*)*(\d+)\s+(\d+)\s", data)
        bits = np.frombuffer(data[m.end():], np.uint8)[: (w + 7) // 8 * h].reshape(h, -1)
        return 255 - 255 * np.unpackbits(bits, axis=1)[:, :w].astype(np.float32)
    return np.frombuffer(data[m.end():], np.uint8)[: w * h].reshape(h, w).astype(np.float32)

def cells(page, across, down):
    """The page as across by down means."""
    h, w = page.shape
    ys, xs = np.linspace(0, h, down + 1), np.linspace(0, w, across + 1)
    total = np.zeros((h + 1, w + 1), np.float64)
    total[1:, 1:] = page.cumsum(0).cumsum(1)
    def at(y, x):
        y0, x0 = np.floor(y).astype(int), np.floor(x).astype(int)
        y1, x1 = np.minimum(y0 + 1, h), np.minimum(x0 + 1, w)
        fy, fx = (y - y0)[:, None], (x - x0)[None, :]
        top = total[np.ix_(y0, x0)] * (1 - fx) + total[np.ix_(y0, x1)] * fx
        low = total[np.ix_(y1, x0)] * (1 - fx) + total[np.ix_(y1, x1)] * fx
        return top * (1 - fy) + low * fy
    grid = at(ys, xs)
    sums = grid[1:, 1:] - grid[:-1, 1:] - grid[1:, :-1] + grid[:-1, :-1]
    return sums / ((h / down) * (w / across))

def differ(a, b):
    """Of the cells that either has ink in, how many differ."""
    inked = (a < PAPER) | (b < PAPER)
    return float(((np.abs(a - b) > STEP) & inked).sum() / max(1, inked.sum()))

def ours(sfm, path, folder, size):
    out = os.path.join(folder, "o.pdf")
    done = run(sfm, "document", "convert", path, out)
    if done is None:
        return None, "timeout"
    if done.returncode != 0:
        try:
            error = json.loads(done.stderr.decode().strip().splitlines()[-1])["error"]
            return None, error.get("code", error["type"]) + ": " + error["message"][:90]
        except Exception:
            return None, "exit %d" % done.returncode
    run("pdfimages", "-f", "1", "-l", "1", out, os.path.join(folder, "o"))
    page = pnm(os.path.join(folder, "o-000.pbm"))
    w, h = size                       # inches
    rows, line = page.shape[0], 1728 / 204
    fit = lambda w, h: min(min(line, 8.5) / w, rows / 196 / h)
    turned = fit(h, w) > fit(w, h) * 1.01
    scale = fit(h, w) if turned else fit(w, h)
    aw, ah = ((h, w) if turned else (w, h))
    pw, ph = aw * scale * 204, ah * scale * 196
    x, y = (1728 - pw) / 2, (rows - ph) / 2
    page = page[max(0, round(y)):round(y + ph), max(0, round(x)):round(x + pw)]
    return (np.rot90(page, -1) if turned else page), "ok"

def main():
    sfm, report, files = sys.argv[1], sys.argv[2], sys.argv[3:]
    rows = []
    with open(report, "w") as out:
        for number, path in enumerate(files):
            with tempfile.TemporaryDirectory() as folder:
                verdict, mine, pair = "", -1.0, -1.0
                try:
                    run("mutool", "draw", "-q", "-r", "204", "-c", "gray", "-o", folder + "/m.pgm", path, "1")
                    run("pdftoppm", "-q", "-cropbox", "-r", "204", "-gray", "-f", "1", "-l", "1", "-singlefile", path, folder + "/p")
                    m, p = pnm(folder + "/m.pgm"), pnm(folder + "/p.pgm")
                    across, down = max(1, p.shape[1] // CELL), max(1, p.shape[0] // CELL)
                    alike = abs(m.shape[0] - p.shape[0]) <= 3 and abs(m.shape[1] - p.shape[1]) <= 3
                    a, b = cells(m, across, down), cells(p, across, down)
                    pair = differ(a, b) if alike else 1.0
                    if pair > SHARE:
                        verdict = "they differ"
                    else:
                        page, said = ours(sfm, path, folder, (p.shape[1] / 204, p.shape[0] / 204))
                        if page is None:
                            verdict = "refused " + said
                        else:
                            c = cells(page, across, down)
                            mine = min(differ(a, c), differ(b, c))
                            verdict = "alike" if mine <= SHARE * 2 else "differs"
                except (FileNotFoundError, AttributeError):
                    verdict = "they cannot"
                except Exception as e:
                    verdict = "error %r" % e
                rows.append(verdict)
                out.write(f"{verdict}\t{mine:.4f}\t{pair:.4f}\t{path}\n"); out.flush()
                if number % 50 == 0:
                    print(number, "of", len(files), file=sys.stderr, flush=True)
    for verdict in sorted(set(v.split(":")[0] for v in rows)):
        print(sum(1 for v in rows if v.split(":")[0] == verdict), verdict)

main()
