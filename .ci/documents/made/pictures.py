"""Pictures in every filter and depth: img2pdf, tiff2pdf (libtiff), Pillow's own PDFs, and streams that pikepdf writes."""
import io, os, subprocess, tempfile, zlib
import img2pdf
import pikepdf
from PIL import Image, ImageDraw, ImageFont
from pikepdf import Array, Dictionary, Name, Stream
from . import prose
from .typed import DEJAVU

SIZE = (850, 1100)


def letter(mode):
    """A page of type, 100 pixels to the inch, with a picture that has all greys."""
    page = Image.new("L", SIZE, 255)
    draw = ImageDraw.Draw(page)
    font = ImageFont.truetype(f"{DEJAVU}/DejaVuSans.ttf", 20)
    for index, line in enumerate(prose.lines(55)):
        draw.text((80, 80 + 34 * index), line, font=font, fill=0)
    shade = Image.linear_gradient("L").resize((400, 300))
    page.paste(shade, (80, 650))
    draw.ellipse((550, 700, 750, 900), fill=90)
    if mode == "1":
        return page.convert("1")
    if mode == "RGB":
        return Image.merge("RGB", (page, page, page.point(lambda value: min(255, value + 40))))
    if mode == "CMYK":
        return Image.merge("RGB", (page, page, page)).convert("CMYK")
    if mode == "P":
        return page.convert("RGB").quantize(16)
    if mode == "LA":
        return Image.merge("LA", (page, page.point(lambda value: 255 - value)))
    return page


def saved(picture, kind, **options):
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def tiff2pdf(mode, compression, *options):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "page.tif")
        letter(mode).save(path, compression=compression, dpi=(100, 100))
        return subprocess.run(["tiff2pdf", *options, path], capture_output=True, check=True).stdout


def placed(width, height, data, matrix="612 0 0 792 0 0", before="", more=None, **entries):
    """A Letter page that shows one picture as its stream is given."""
    pdf = pikepdf.new()
    image = Stream(pdf, data)
    image.stream_dict.update(Dictionary(Type=Name.XObject, Subtype=Name.Image, Width=width, Height=height))
    for key, value in entries.items():
        image.stream_dict["/" + key] = value(pdf) if callable(value) else value
    resources = Dictionary(XObject=Dictionary(P=pdf.make_indirect(image)))
    content = f"{before} q {matrix} cm /P Do Q".encode()
    page = Dictionary(Type=Name.Page, MediaBox=Array([0, 0, 612, 792]), Resources=resources, Contents=Stream(pdf, content))
    pdf.pages.append(pikepdf.Page(pdf.make_indirect(page)))
    out = io.BytesIO()
    pdf.save(out, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none, deterministic_id=True)
    return out.getvalue()


def samples(bits, components):
    """A ramp of 40 by 60 samples of so many bits."""
    rows = []
    for y in range(60):
        bitline = "".join(format((x * (1 << bits) // 40 + y * c) % (1 << bits), f"0{bits}b") for x in range(40) for c in range(components))
        bitline += "0" * (-len(bitline) % 8)
        rows.append(int(bitline, 2).to_bytes(len(bitline) // 8, "big"))
    return b"".join(rows)


def masked(kind):
    """A grey block through a mask, over lines."""
    lines = " ".join(f"72 {y} m 540 {y} l S" for y in range(100, 700, 12))
    mask = bytes(255 if (x // 8 + y // 8) % 2 else 40 for y in range(80) for x in range(80))

    def soft(pdf):
        return pdf.make_indirect(Stream(pdf, mask, Dictionary(Type=Name.XObject, Subtype=Name.Image, Width=80, Height=80,
                                                              ColorSpace=Name.DeviceGray, BitsPerComponent=8)))

    def stencil(pdf):
        bits = b"".join(bytes([0b11110000]) * 10 if y % 16 < 8 else bytes([0b00001111]) * 10 for y in range(80))
        return pdf.make_indirect(Stream(pdf, bits, Dictionary(Type=Name.XObject, Subtype=Name.Image, Width=80, Height=80,
                                                              ImageMask=True, BitsPerComponent=1)))
    extra = {"SMask": {"SMask": soft}, "Mask": {"Mask": stencil}, "colours": {"Mask": Array([0, 120])}}[kind]
    data = bytes((x * 3 + y) % 256 for y in range(80) for x in range(80))
    return placed(80, 80, data, "400 0 0 400 100 200", lines, ColorSpace=Name.DeviceGray, BitsPerComponent=8, **extra)


def files():
    dpi = img2pdf.get_fixed_dpi_layout_fun((100, 100))
    convert = lambda data: img2pdf.convert(data, layout_fun=dpi, nodate=True)
    yield "img2pdf-png-grey", convert(saved(letter("L"), "PNG"))
    yield "img2pdf-png-rgb", convert(saved(letter("RGB"), "PNG"))
    yield "img2pdf-png-palette", convert(saved(letter("P"), "PNG"))
    yield "img2pdf-png-one-bit", convert(saved(letter("1"), "PNG"))
    for quality in (30, 75, 95):
        yield f"img2pdf-jpeg-{quality}", convert(saved(letter("RGB"), "JPEG", quality=quality))
    yield "img2pdf-jpeg-grey", convert(saved(letter("L"), "JPEG"))
    yield "img2pdf-jpeg-progressive", convert(saved(letter("RGB"), "JPEG", progressive=True))
    yield "img2pdf-jpeg-cmyk", convert(saved(letter("CMYK"), "JPEG"))
    yield "img2pdf-jp2", convert(saved(letter("L"), "JPEG2000"))
    yield "img2pdf-jp2-rgb", convert(saved(letter("RGB"), "JPEG2000", quality_layers=[20]))
    yield "img2pdf-g4", convert(saved(letter("1"), "TIFF", compression="group4"))
    for mode in ("L", "RGB", "P", "1", "LA"):
        yield f"pillow-{mode}", saved(letter(mode), "PDF", resolution=100, creationDate=None, modDate=None)
    for mode, compression in (("1", "group3"), ("1", "group4"), ("1", "packbits"), ("L", "tiff_lzw"), ("RGB", "tiff_adobe_deflate"),
                              ("CMYK", "raw"), ("P", "raw"), ("RGB", "jpeg")):
        yield f"tiff2pdf-{mode}-{compression}", tiff2pdf(mode, compression)
    yield "tiff2pdf-zip", tiff2pdf("L", "raw", "-z")
    yield "tiff2pdf-jpeg", tiff2pdf("RGB", "raw", "-j", "-q", "80")
    for bits in (1, 2, 4, 8, 16):
        yield f"pikepdf-grey-{bits}", placed(40, 60, samples(bits, 1), ColorSpace=Name.DeviceGray, BitsPerComponent=bits)
        yield f"pikepdf-rgb-{bits}", placed(40, 60, samples(bits, 3), ColorSpace=Name.DeviceRGB, BitsPerComponent=bits)
    ramp = bytes(x * 6 for y in range(60) for x in range(40))
    grey = {"ColorSpace": Name.DeviceGray, "BitsPerComponent": 8}
    yield "pikepdf-cmyk", placed(40, 60, samples(8, 4), ColorSpace=Name.DeviceCMYK, BitsPerComponent=8)
    yield "pikepdf-decode", placed(40, 60, ramp, Decode=Array([1, 0]), **grey)
    yield "pikepdf-hex", placed(40, 60, ramp.hex().encode() + b">", Filter=Name.ASCIIHexDecode, **grey)
    rows = b"".join(b"\x02" + bytes((x * 6 if y == 0 else 0) for x in range(40)) for y in range(60))
    yield "pikepdf-predictor", placed(40, 60, zlib.compress(rows), Filter=Name.FlateDecode,
                                      DecodeParms=Dictionary(Predictor=15, Columns=40), **grey)
    yield "pikepdf-interpolated", placed(40, 60, ramp, Interpolate=True, **grey)
    for name, matrix in (("mirrored", "-612 0 0 792 612 0"), ("upside-down", "612 0 0 -792 0 792"), ("quarter", "0 792 -612 0 612 0"),
                         ("slanted", "400 150 -150 400 160 100"), ("sheared", "400 0 120 400 40 100")):
        yield f"pikepdf-{name}", placed(40, 60, ramp, matrix, **grey)
    for kind in ("SMask", "Mask", "colours"):
        yield f"pikepdf-masked-{kind}", masked(kind)
    indexed = lambda pdf: Array([Name.Indexed, Name.DeviceRGB, 3, pikepdf.String(bytes([0, 0, 0, 90, 90, 200, 200, 200, 60, 255, 255, 255]))])
    yield "pikepdf-indexed", placed(40, 60, samples(2, 1), ColorSpace=indexed, BitsPerComponent=2)
