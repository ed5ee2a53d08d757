"""Drawings: ReportLab's paths and shadings, Matplotlib's plots with fonts of type 3 and 42, fpdf2's transparency."""
import io
import matplotlib
from fpdf import FPDF
from reportlab.lib.colors import CMYKColor, Color, HexColor
from reportlab.graphics.barcode import code128, code39, qr
from reportlab.graphics.shapes import Drawing
from reportlab.graphics import renderPDF
from . import prose
from .typed import page, write

matplotlib.use("pdf")
from matplotlib import pyplot  # noqa: E402, after the choice of what it draws with


def widths(canvas, _):
    for index, width in enumerate((0, 0.1, 0.25, 0.5, 1, 2, 4, 8)):
        canvas.setLineWidth(width)
        canvas.line(72, 700 - 30 * index, 540, 700 - 30 * index)
        canvas.line(100 + 40 * index, 100, 140 + 40 * index, 400)


def ends(canvas, _):
    for cap in range(3):
        for join in range(3):
            canvas.setLineCap(cap)
            canvas.setLineJoin(join)
            canvas.setLineWidth(14)
            path = canvas.beginPath()
            path.moveTo(90 + 170 * cap, 150 + 200 * join)
            path.lineTo(140 + 170 * cap, 250 + 200 * join)
            path.lineTo(190 + 170 * cap, 150 + 200 * join)
            canvas.drawPath(path)


def dashes(canvas, _):
    for index, dash in enumerate(([3], [6, 3], [12, 4, 2, 4], [1, 5])):
        canvas.setDash(dash, index)
        canvas.setLineWidth(2 + index)
        canvas.line(72, 700 - 40 * index, 540, 700 - 40 * index)
        canvas.circle(150 + 110 * index, 350, 50)


def rules(canvas, _):
    for odd, y in ((False, 450), (True, 150)):
        path = canvas.beginPath()
        for radius in (110, 70, 30):
            path.circle(306, y + 110, radius)
        canvas.drawPath(path, fill=1, stroke=0, fillMode=0 if odd else 1)


def colors(canvas, _):
    named = [Color(1, 0, 0), Color(0, 0.6, 0), Color(0, 0, 1), Color(1, 1, 0), CMYKColor(0, 0, 0, 1), CMYKColor(1, 0, 0, 0),
             CMYKColor(0, 1, 1, 0.3), HexColor("#336699")]
    for index, color in enumerate(named):
        canvas.setFillColor(color)
        canvas.rect(72 + 120 * (index % 4), 500 - 160 * (index // 4), 100, 130, fill=1, stroke=0)


def see_through(canvas, _):
    write(canvas, "Helvetica-Bold", 14, width=50)
    for index, alpha in enumerate((0.1, 0.3, 0.5)):
        canvas.setFillColor(Color(0.9, 0.8, 0, alpha=alpha))
        canvas.rect(72, 560 - 60 * index, 440, 90, fill=1, stroke=0)


def gradients(canvas, _):
    canvas.saveState()
    clip = canvas.beginPath()
    clip.rect(72, 450, 460, 250)
    canvas.clipPath(clip, stroke=0)
    canvas.linearGradient(72, 450, 532, 700, (Color(0, 0, 0), Color(1, 1, 1)), extend=False)
    canvas.restoreState()
    canvas.radialGradient(306, 250, 150, (Color(0.2, 0.2, 0.8), Color(1, 1, 1)), extend=False)


def clipped(canvas, _):
    clip = canvas.beginPath()
    clip.circle(306, 500, 190)
    canvas.clipPath(clip, stroke=1)
    write(canvas, "Helvetica", 13)


def codes(canvas, _):
    code128.Code128("FAX-2026-001234", barHeight=60, barWidth=1.4).drawOn(canvas, 72, 600)
    code39.Standard39("ORDER 4711", barHeight=60, barWidth=1.2, checksum=0).drawOn(canvas, 72, 480)
    drawing = Drawing(160, 160)
    drawing.add(qr.QrCodeWidget("https://example.com/fax/4711", barWidth=160, barHeight=160))
    renderPDF.draw(drawing, canvas, 72, 250)


def signature(canvas, _):
    write(canvas, "Times-Roman", 12)
    canvas.setStrokeColor(Color(0.1, 0.1, 0.5))
    canvas.setLineWidth(1.6)
    path = canvas.beginPath()
    path.moveTo(90, 300)
    for index in range(8):
        x = 90 + 25 * index
        path.curveTo(x + 5, 370 - 7 * index, x + 20, 250, x + 30, 300 + 3 * index)
    canvas.drawPath(path)


def form(canvas, number):
    """A form that is used twice, once turned."""
    if number == 0:
        canvas.beginForm("stamp")
        canvas.setFont("Helvetica-Bold", 20)
        canvas.rect(0, 0, 200, 40)
        canvas.drawString(14, 12, "CONFIDENTIAL")
        canvas.endForm()
    canvas.translate(100, 500)
    canvas.doForm("stamp")
    canvas.translate(150, -200)
    canvas.rotate(30 + 20 * number)
    canvas.doForm("stamp")


def plot(kind, fonttype):
    """A plot by Matplotlib, with its fonts as type 3 or type 42."""
    with pyplot.rc_context({"pdf.fonttype": fonttype, "pdf.compression": 6}):
        figure, axes = pyplot.subplots(figsize=(8.5, 11))
        if kind == "lines":
            for n in range(1, 5):
                axes.plot(range(20), [(n * x) ** 0.5 for x in range(20)], label=f"series number {n}")
        elif kind == "bars":
            axes.bar(range(6), [3, 7, 2, 9, 4, 6], color=["0.2", "0.4", "0.6", "0.8", "0.5", "0.3"])
        elif kind == "filled":
            axes.fill_between(range(20), [x * 2 for x in range(20)], [x for x in range(20)], alpha=0.4)
            axes.fill_between(range(20), [30 - x for x in range(20)], alpha=0.3)
        elif kind == "hatched":
            axes.bar(range(4), [3, 7, 2, 9], color="white", edgecolor="black", hatch="//")
        elif kind == "scattered":
            axes.scatter([x * 37 % 101 for x in range(90)], [x * 53 % 97 for x in range(90)], alpha=0.6)
        elif kind == "filled-contours":
            axes.contourf([[(x * y) % 13 for x in range(12)] for y in range(12)], cmap="gray")
        axes.set_title("Measurements of the second quarter")
        axes.set_xlabel("temperature in degrees")
        axes.set_ylabel("pressure")
        if kind == "lines":
            axes.legend()
        out = io.BytesIO()
        figure.savefig(out, format="pdf", metadata={"CreationDate": None})
        pyplot.close(figure)
        return out.getvalue()


def blended(mode):
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("helvetica", size=24)
    pdf.cell(0, 12, "Words under a marker of one kind", new_x="LMARGIN", new_y="NEXT")
    with pdf.local_context(blend_mode=mode, fill_color=(255, 240, 0), fill_opacity=0.6):
        pdf.rect(10, 8, 120, 18, style="F")
        pdf.rect(60, 60, 80, 60, style="F")
    with pdf.local_context(blend_mode=mode, fill_color=(90, 140, 200)):
        pdf.rect(90, 80, 80, 60, style="F")
    return bytes(pdf.output())


def files():
    for draw in (widths, ends, dashes, rules, colors, see_through, gradients, clipped, codes, signature):
        yield f"reportlab-{draw.__name__}", page(draw)
    yield "reportlab-form", page(form, pages=2)
    for kind in ("lines", "bars", "filled", "hatched", "scattered", "filled-contours"):
        for fonttype in (3, 42):
            yield f"matplotlib-{kind}-{fonttype}", plot(kind, fonttype)
    for mode in ("Normal", "Multiply", "Screen", "Darken", "Overlay", "Luminosity"):
        yield f"fpdf2-blend-{mode}", blended(mode)
