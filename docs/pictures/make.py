"""Makes five of the pictures here: ours, Ghostscript's and Poppler's pages side by side. The bytes of each page in Group 4 are printed.

    python3 docs/pictures/make.py target/release/sfm

Needs numpy, Pillow, `gs`, `pdftoppm`, `tiffcp` and DejaVu's typefaces.
"""

import io, os, subprocess, sys, tempfile, zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

HERE, FONTS = Path(__file__).parent, "/usr/share/fonts/truetype/dejavu/"
LINES = ["Dear Dr Jones,", "thank you for referring Mr Smith, whom I saw on 12 March. His blood pressure", "was 135/85 and his pulse regular. Please go on with amlodipine 5 mg once",
         "daily and stop ibuprofen. Results of the blood test are normal, but potassium", "of 5.1 mmol/l should be looked at again in two weeks. I shall see him in June.", "Yours sincerely, A. Miller"]
W, H = 1700, 2200  # 200 pixels to the inch


def pdf(content, picture=None):
    """One Letter page; `picture` fills it."""
    objects = ["<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>",
               "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>"
               "/ExtGState<</M<</BM/Multiply>>>>/XObject<</P 5 0 R>>>>>>"]
    objects = [each.encode() for each in objects]
    objects.append(b"<</Length %d>>stream\n%s\nendstream" % (len(content), content.encode()))
    if picture is not None:
        jpeg = io.BytesIO()
        picture.save(jpeg, "JPEG", quality=80)
        objects.append(b"<</Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 8/ColorSpace/DeviceRGB/Filter/DCTDecode/Length %d>>stream\n%s\nendstream"
                       % (*picture.size, len(jpeg.getvalue()), jpeg.getvalue()))
    file, starts = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        starts.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % start for start in starts)
    return file + b"xref\n0 %d\n0000000000 65535 f \n%strailer<</Root 1 0 R/Size %d>>\nstartxref\n%d\n%%%%EOF\n" % (len(starts) + 1, table, len(starts) + 1, len(file))


def highlighted():
    marks = "".join(f"{color} rg {x} {y} {w} 13 re f " for color, x, y, w in [("1 1 0", 72, 702.5, 330), (".4 1 .4", 72, 688.5, 190), ("1 .6 .8", 72, 674.5, 300)])
    shown = "".join(f"1 0 0 1 72 {720 - 14 * n} Tm ({line}) Tj " for n, line in enumerate(LINES))
    return pdf(f"BT /F 11 Tf {shown} ET /M gs {marks}")


def cmyk():
    bars = "".join(f"{k} {m} {y} {b} k {72 + 60 * n} 640 52 60 re f " for n, (k, m, y, b) in
                   enumerate([(0, 0, 0, 1), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, .5), (1, 1, 0, 0)]))
    code = "0 0 0 1 k " + "".join(f"{72 + 2.2 * n} 600 {2.2 if n % 3 else 1.1} 30 re f " for n in range(0, 120, 2))
    return pdf(f"{bars} {code} BT /F 11 Tf 0 0 0 1 k 1 0 0 1 72 720 Tm ({LINES[1]}) Tj 0 0 0 .6 k 1 0 0 1 72 706 Tm ({LINES[2]}) Tj ET")


def table():
    rows = "".join(f"{(1, .87, .73, .6)[n % 4]} g 60 {720 - 21 * n} 492 20 re f 0 g BT /F 10 Tf 70 {726 - 21 * n} Td (Item {n + 1}) Tj 130 0 Td ({5 + 25 * n} mg) Tj "
                   f"130 0 Td ({95 - n} %) Tj ET " for n in range(30))
    return pdf(rows)


def photographed(paper, light, form=False):
    page = Image.new("RGB", (W, H), paper)
    draw, font = ImageDraw.Draw(page), ImageFont.truetype(FONTS + "DejaVuSerif.ttf", 31 if not form else 26)
    for n, line in enumerate(LINES * 6):
        draw.text((180, 150 + n * (44 if not form else 60)), line, fill=(35, 35, 45), font=font)
        if form:
            draw.rectangle((160, 140 + n * 60, 1500, 192 + n * 60), outline=(35, 35, 45), width=2)
    y, x = np.mgrid[0:H, 0:W]
    seen = np.asarray(page.filter(ImageFilter.GaussianBlur(0.7)), float) * light(x / W, y / H)[..., None]
    seen += np.random.default_rng(1).normal(0, 5, seen.shape)
    return pdf("612 0 0 792 0 0 cm /P Do", Image.fromarray(np.clip(seen, 0, 255).astype("uint8")))


def beside(name, source, box, sfm):
    with tempfile.TemporaryDirectory() as folder:
        at = lambda file: os.path.join(folder, file)
        Path(at("in.pdf")).write_bytes(source)
        subprocess.run([sfm, "document", "convert", at("in.pdf"), at("ours.tif")], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["gs", "-q", "-dBATCH", "-dNOPAUSE", "-sDEVICE=tiffg4", "-r204x196", "-sOutputFile=" + at("gs.tif"), at("in.pdf")], check=True)
        subprocess.run(["pdftoppm", "-mono", "-singlefile", "-rx", "204", "-ry", "196", at("in.pdf"), at("poppler")], check=True)
        Image.open(at("poppler.pbm")).save(at("raw.tif"))
        subprocess.run(["tiffcp", "-c", "g4", at("raw.tif"), at("poppler.tif")], check=True)
        out = Image.new("1", (3 * box[2] + 6, box[3]))
        for n, file in enumerate(["ours.tif", "gs.tif", "poppler.tif"]):
            page = Image.open(at(file)).convert("1")
            left = box[0] + (page.width - 1728) // 2
            out.paste(page.crop((left, box[1], left + box[2], box[1] + box[3])), (n * (box[2] + 3), 0))
        out.save(HERE / f"{name}.png", optimize=True)
        print(name, *(os.path.getsize(at(file)) for file in ["ours.tif", "gs.tif", "poppler.tif"]))


if __name__ == "__main__":
    shadow = lambda x, y: (0.85 - 0.1 * y) * (1 - 0.45 / (1 + np.exp(-(x - 0.3 + 0.5 * (y - 0.15)) / 0.012)))
    beside("table", table(), (160, 130, 620, 400), sys.argv[1])
    beside("highlighted", highlighted(), (190, 170, 620, 260), sys.argv[1])
    beside("shadow", photographed((255, 255, 255), shadow), (300, 120, 620, 330), sys.argv[1])
    beside("pink-form", photographed((255, 185, 195), lambda x, y: 0.97 + 0 * x, form=True), (140, 120, 620, 330), sys.argv[1])
    beside("cmyk", cmyk(), (190, 170, 620, 330), sys.argv[1])
