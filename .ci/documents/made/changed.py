"""What becomes of PDFs on their way: written anew by cairo, Ghostscript, MuPDF and qpdf, turned, cropped, encrypted, damaged."""
import io, os, re, subprocess, tempfile
import pikepdf
from pikepdf import Array
from .forms import saved

# What is worth being written anew: type, drawings, shadings, masks, forms.
AGAIN = ["reportlab-Times-Roman", "reportlab-type1", "reportlab-Vera", "fpdf2-DejaVuSans", "reportlab-widths", "reportlab-see_through",
         "reportlab-gradients", "reportlab-clipped", "reportlab-filled", "pikepdf-masked-SMask", "fpdf2-highlight", "matplotlib-filled-3",
         "img2pdf-jpeg-75", "img2pdf-g4"]
WRITERS = {
    "cairo": ["pdftocairo", "-pdf", "IN", "OUT"],
    "ghostscript": ["gs", "-q", "-dNOPAUSE", "-dBATCH", "-dSAFER", "-sDEVICE=pdfwrite", "-o", "OUT", "IN"],
    "ps2pdf": ["sh", "-c", "pdftops -q IN - | ps2pdf - OUT"],
    "mupdf": ["mutool", "clean", "-gggg", "-z", "IN", "OUT"],
}


def written(writer, document):
    with tempfile.TemporaryDirectory() as folder:
        names = {"IN": os.path.join(folder, "in.pdf"), "OUT": os.path.join(folder, "out.pdf")}
        with open(names["IN"], "wb") as file:
            file.write(document)
        command = [re.sub(r"\b(IN|OUT)\b", lambda name: names[name.group()], part) for part in WRITERS[writer]]
        subprocess.run(command, capture_output=True, check=True)
        with open(names["OUT"], "rb") as file:
            return file.read()


def edited(document, edit, **options):
    pdf = pikepdf.open(io.BytesIO(document))
    for page in pdf.pages:
        edit(page)
    return saved(pdf, **options)


def put(key, value):
    return lambda page: page.obj.__setitem__(f"/{key}", value)


def files(others):
    for writer in WRITERS:
        for name in AGAIN:
            yield f"{writer}-{name}", written(writer, others[name])
    typed, nothing = others["reportlab-table"], lambda page: None
    for angle in (90, 180, 270):
        yield f"pikepdf-rotate-{angle}", edited(typed, put("Rotate", angle))
    yield "pikepdf-crop", edited(typed, put("CropBox", Array([60, 500, 540, 700])))
    yield "pikepdf-moved-box", edited(typed, put("MediaBox", Array([-100, -50, 612, 792])))
    yield "pikepdf-reversed-box", edited(typed, put("MediaBox", Array([612, 792, 0, 0])))
    yield "pikepdf-crop-turned", edited(edited(typed, put("CropBox", Array([60, 500, 540, 700]))), put("Rotate", 90))
    streams = pikepdf.ObjectStreamMode.generate
    yield "pikepdf-object-streams", edited(typed, nothing, object_stream_mode=streams)
    yield "pikepdf-linearized", edited(typed, nothing, linearize=True)
    for revision, aes in ((3, False), (4, True), (6, True)):
        encryption = pikepdf.Encryption(owner="owner", user="", R=revision, aes=aes, metadata=aes)
        yield f"pikepdf-encrypted-{revision}", edited(typed, nothing, encryption=encryption)
    plain = others["reportlab-uncompressed"]
    start = plain.rindex(b"startxref")
    yield "damaged-startxref", plain[:start] + b"startxref\n7\n%%EOF\n"
    yield "damaged-table", plain.replace(b"xref\n0 ", b"xref\n1 ", 1)
    yield "damaged-offsets", re.sub(rb"(\d{10}) 00000 n", lambda m: b"%010d 00000 n" % (int(m.group(1)) + 3), plain)
    yield "damaged-length", re.sub(rb"/Length \d+", b"/Length 1", plain)
    yield "damaged-before", b"a line of mail\r\n\r\n" + plain
    yield "damaged-after", plain + bytes(3000)
    yield "damaged-line-ends", plain.replace(b"\nendobj", b"\r\nendobj")
