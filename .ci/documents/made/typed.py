"""Type: ReportLab's and fpdf2's fonts of all kinds, turned pages, odd boxes."""
import io, os
import matplotlib
import reportlab
from fpdf import FPDF
from reportlab.lib.pagesizes import A4, LETTER, landscape
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from . import prose

VERA = os.path.join(os.path.dirname(reportlab.__file__), "fonts")
DEJAVU = os.path.join(os.path.dirname(matplotlib.__file__), "mpl-data", "fonts", "ttf")
STANDARD = ["Helvetica", "Helvetica-Bold", "Helvetica-Oblique", "Helvetica-BoldOblique", "Times-Roman", "Times-Bold", "Times-Italic",
            "Times-BoldItalic", "Courier", "Courier-Bold", "Courier-Oblique", "Courier-BoldOblique"]


def page(draw, size=LETTER, pages=1, **options):
    """The PDF of a canvas on which `draw(canvas, page)` draws each page."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=size, invariant=1, **options)
    for number in range(pages):
        draw(canvas, number)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def write(canvas, font, size, left=72, top=700, start=0, width=60, leading=1.4):
    text = canvas.beginText(left, top)
    text.setFont(font, size, size * leading)
    for line in prose.lines(width, start):
        text.textLine(line)
    canvas.drawText(text)


def type1():
    """A Type 1 font that is in the file."""
    name = "DarkGardenMK"
    face = pdfmetrics.EmbeddedType1Face(f"{VERA}/{name}.afm", f"{VERA}/{name}.pfb")
    pdfmetrics.registerTypeFace(face)
    pdfmetrics.registerFont(pdfmetrics.Font(name, name, "WinAnsiEncoding"))
    return page(lambda canvas, _: write(canvas, name, 16, width=40))


def table(canvas, _):
    canvas.setFont("Helvetica", 11)
    for index, row in enumerate(prose.ROWS):
        y = 650 - 24 * index
        if index % 2 == 0:
            canvas.setFillGray(0.9)
            canvas.rect(72, y - 7, 450, 24, fill=1, stroke=0)
            canvas.setFillGray(0)
        for x, cell in zip((80, 160, 440), row):
            canvas.drawString(x, y, cell)
    canvas.grid([72, 150, 430, 522], [643 - 24 * index for index in range(-1, 6)])


def modes(canvas, _):
    for mode in (0, 1, 2, 3):
        text = canvas.beginText(72, 650 - 80 * mode)
        text.setTextRenderMode(mode)
        text.setFont("Helvetica-Bold", 40)
        text.textLine(prose.LETTER[mode + 3])
        canvas.drawText(text)
    text = canvas.beginText(72, 250)
    text.setFont("Times-Roman", 14)
    text.setCharSpace(2)
    text.textLine("characters spaced apart")
    text.setHorizScale(150)
    text.textLine("stretched")
    text.setRise(6)
    text.textLine("raised")
    canvas.drawText(text)


def turned(canvas, _):
    for angle in range(0, 360, 45):
        canvas.saveState()
        canvas.translate(306, 396)
        canvas.rotate(angle)
        canvas.setFont("Helvetica", 14)
        canvas.drawString(60, 0, "turned " + prose.LETTER[angle // 45 + 8])
        canvas.restoreState()


def fpdf(font, size=13, **options):
    pdf = FPDF(**options)
    pdf.add_page()
    path = {"DejaVuSans": f"{DEJAVU}/DejaVuSans.ttf", "DejaVuSerif": f"{DEJAVU}/DejaVuSerif-Bold.ttf", "STIX": f"{DEJAVU}/STIXGeneral.ttf",
            "cmr10": f"{DEJAVU}/cmr10.ttf"}.get(font)
    if path:
        pdf.add_font(font, fname=path)
    pdf.set_font(font, size=size)
    for line in prose.lines(55):
        pdf.cell(0, 8, line, new_x="LMARGIN", new_y="NEXT")
    if path and font.startswith("DejaVu"):
        pdf.cell(0, 8, "Příliš žluťoučký kůň — Съешь ещё этих мягких булок — Ξεσκεπάζω", new_x="LMARGIN", new_y="NEXT")
    return bytes(pdf.output())


def files():
    for name in STANDARD:
        yield f"reportlab-{name}", page(lambda canvas, _: write(canvas, name, 12))
    yield "reportlab-type1", type1()
    for name in ("Vera", "VeraBd", "VeraIt"):
        pdfmetrics.registerFont(TTFont(name, f"{VERA}/{name}.ttf"))
        yield f"reportlab-{name}", page(lambda canvas, _: write(canvas, name, 12, start=7))
    for size in (6, 7, 8, 10, 18, 30):
        yield f"reportlab-size-{size}", page(lambda canvas, _: write(canvas, "Times-Roman", size, width=int(900 / size)))
    yield "reportlab-a4", page(lambda canvas, _: write(canvas, "Helvetica", 12), A4)
    yield "reportlab-landscape", page(lambda canvas, _: write(canvas, "Helvetica", 12, top=500), landscape(LETTER))
    yield "reportlab-a3", page(lambda canvas, _: write(canvas, "Helvetica", 18, top=1000), (842, 1191))
    yield "reportlab-card", page(lambda canvas, _: write(canvas, "Helvetica", 8, 10, 140, width=50), (252, 160))
    yield "reportlab-pages", page(lambda canvas, number: write(canvas, STANDARD[number], 12, start=9 * number), pages=8)
    yield "reportlab-table", page(table)
    yield "reportlab-modes", page(modes)
    yield "reportlab-turned", page(turned)
    yield "reportlab-uncompressed", page(table, pageCompression=0)
    yield "reportlab-encrypted", page(lambda canvas, _: write(canvas, "Times-Roman", 12), encrypt=owner_only())
    for number in range(4):
        yield f"reportlab-white-on-grey-{number}", page(lambda canvas, _: on_shade(canvas, 0.2 * number))
    for name in ("helvetica", "times", "courier", "DejaVuSans", "DejaVuSerif", "STIX", "cmr10"):
        yield f"fpdf2-{name}", fpdf(name)
    yield "fpdf2-landscape", fpdf("helvetica", orientation="landscape")
    yield "fpdf2-a5", fpdf("times", 9, format="A5")


def on_shade(canvas, shade):
    canvas.setFillGray(shade)
    canvas.rect(60, 380, 490, 360, fill=1, stroke=0)
    canvas.setFillGray(1 if shade < 0.5 else 0)
    write(canvas, "Helvetica-Bold", 12)


def owner_only():
    from reportlab.lib.pdfencrypt import StandardEncryption
    return StandardEncryption("", ownerPassword="owner", canPrint=1)
