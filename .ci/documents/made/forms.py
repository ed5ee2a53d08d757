"""Forms and comments: ReportLab's and fpdf2's, and bare ones of pikepdf that have no appearance."""
import io
import pikepdf
from fpdf import FPDF
from fpdf.enums import TextMarkupType
from pikepdf import Array, Dictionary, Name, String
from . import prose
from .typed import page, write


def filled(canvas, _):
    canvas.setFont("Helvetica", 12)
    form = canvas.acroForm
    for index, (label, value) in enumerate((("Name", "Margaret Johnson"), ("Street", "14 Orchard Avenue"), ("Remarks", "Allergic to penicillin"))):
        canvas.drawString(72, 660 - 60 * index, label)
        form.textfield(name=label, value=value, x=160, y=650 - 60 * index, width=300, height=30, fontSize=14, borderWidth=1, forceBorder=True)
    for index in range(3):
        form.checkbox(name=f"box{index}", checked=index != 1, x=160 + 60 * index, y=420, size=24, buttonStyle=("check", "cross", "circle")[index])
    form.choice(name="drug", value="Amoxicillin", options=["Amoxicillin", "Ibuprofen"], x=160, y=350, width=200, height=26, fontSize=12)
    form.radio(name="side", value="left", selected=True, x=160, y=300, size=22)
    form.radio(name="side", value="right", selected=False, x=220, y=300, size=22)


def marked(kind):
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("helvetica", size=16)
    with pdf.highlight("a comment", type=kind, color=(1, 1, 0)):
        pdf.cell(0, 10, "Dose: five milligrams twice daily", new_x="LMARGIN", new_y="NEXT")
    pdf.cell(0, 10, "and nothing besides until Thursday", new_x="LMARGIN", new_y="NEXT")
    pdf.set_draw_color(0)
    pdf.ink_annotation([(40, 60), (70, 80), (100, 55), (130, 85)], border_width=2)
    return bytes(pdf.output())


def bare(annotations, fields=False, **form):
    """A typed page with annotations that have no appearance."""
    typed = page(lambda canvas, _: write(canvas, "Helvetica", 12, top=740))
    pdf = pikepdf.open(io.BytesIO(typed))
    made = [pdf.make_indirect(Dictionary(Type=Name.Annot, F=4, **annotation)) for annotation in annotations]
    pdf.pages[0].Annots = Array(made)
    if fields:
        font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica, Encoding=Name.WinAnsiEncoding)
        pdf.Root.AcroForm = Dictionary(Fields=Array(made), DA=String("/Helv 12 Tf 0 g"), DR=Dictionary(Font=Dictionary(Helv=font)), **form)
    return saved(pdf)


def saved(pdf, **options):
    out = io.BytesIO()
    pdf.save(out, deterministic_id="encryption" not in options, **options)
    return out.getvalue()


def text(y, value, **more):
    return dict(Subtype=Name.Widget, FT=Name.Tx, T=String(f"field{y}"), V=String(value), Rect=Array([72, y, 400, y + 28]),
                DA=String("/Helv 12 Tf 0 g"), MK=Dictionary(BC=Array([0])), **more)


def files():
    yield "reportlab-filled", page(filled)
    for kind in TextMarkupType:
        yield f"fpdf2-{kind.name.lower()}", marked(kind)
    yield "pikepdf-fields", bare([text(300, "Margaret Johnson"), text(250, "14 Orchard Avenue"), text(200, "Centered words", Q=1)], True,
                                 NeedAppearances=True)
    yield "pikepdf-fields-quiet", bare([text(300, "Northern Community Hospital")], True)
    yield "pikepdf-comb", bare([text(300, "20261126", Ff=1 << 24, MaxLen=10)], True, NeedAppearances=True)
    lines = "First line of several\nSecond line follows\nThird line is last"
    many = text(200, lines, Ff=1 << 12)
    many["Rect"] = Array([72, 200, 400, 300])
    yield "pikepdf-multi-line", bare([many], True, NeedAppearances=True)
    box = dict(Rect=Array([100, 200, 300, 300]), C=Array([1, 0, 0]), BS=Dictionary(W=3))
    yield "pikepdf-square", bare([dict(Subtype=Name.Square, **box)])
    yield "pikepdf-circle", bare([dict(Subtype=Name.Circle, IC=Array([0.8, 0.9, 1]), **box)])
    yield "pikepdf-line", bare([dict(Subtype=Name.Line, L=Array([100, 200, 300, 300]), **box)])
    yield "pikepdf-polygon", bare([dict(Subtype=Name.Polygon, Vertices=Array([110, 210, 290, 220, 200, 290]), **box)])
    yield "pikepdf-ink", bare([dict(Subtype=Name.Ink, InkList=Array([Array([110, 210, 150, 290, 200, 220, 290, 280])]), **box)])
    quad = Array([72, 752, 300, 752, 72, 736, 300, 736])
    for kind in ("Highlight", "Underline", "StrikeOut"):
        yield f"pikepdf-{kind}", bare([dict(Subtype=Name("/" + kind), QuadPoints=quad, Rect=Array([72, 736, 300, 752]), C=Array([1, 1, 0])
                                           if kind == "Highlight" else Array([0]))])
    yield "pikepdf-free-text", bare([dict(Subtype=Name.FreeText, Contents=String("Approved by Doctor Jones"), DA=String("/Helv 14 Tf 0 g"),
                                          Rect=Array([100, 200, 350, 240]))])
