#!/usr/bin/env python3
"""Makes the stand-in faces of this folder from TeX Gyre Heros, Termes and Cursor (version 2.004).

usage: make.py FOLDER      the folder with texgyreheros-regular.otf and the others; needs fontTools

Kept are the letters and signs of Latin scripts, with their hints; what is laid out by OpenType features is left out, and so is all but the table
`CFF `. The fonts get new names, as the GUST Font License asks for.
"""
import io, pathlib, sys
from fontTools import subset
from fontTools.agl import UV2AGL
from fontTools.ttLib import TTFont

FAMILIES = {"heros": "StandInSans", "termes": "StandInSerif", "cursor": "StandInMono"}
STYLES = {"regular": "Regular", "bold": "Bold", "italic": "Italic", "bolditalic": "BoldItalic"}
# Basic Latin to Latin Extended-B, spacing accents, punctuation, currency, and the signs of the Mac's and Adobe's encodings.
KEPT = [*range(0x20, 0x250), *range(0x2C6, 0x2DE), *range(0x1E80, 0x1E86), 0x1E9E, 0x1EF2, 0x1EF3, *range(0x2010, 0x2040), 0x2044,
        *range(0x20A0, 0x20C0), 0x2113, 0x2116, 0x2117, 0x211E, 0x2122, 0x2126, 0x212E, *range(0x215B, 0x215F), *range(0x2190, 0x2196), 0x2202, 0x2206, 0x220F,
        0x2211, 0x2212, 0x2215, 0x2219, 0x221A, 0x221E, 0x222B, 0x2248, 0x2260, 0x2264, 0x2265, 0x25CA, 0x394, 0x3C0, 0xFB00,
        0xFB01, 0xFB02, 0xFB03, 0xFB04]

# Where that table has none.
NAMES = {0xB2: "twosuperior", 0xB3: "threesuperior", 0xB5: "mu", 0xB9: "onesuperior", 0x394: "Delta",
         0xFB00: "ff", 0xFB01: "fi", 0xFB02: "fl", 0xFB03: "ffi", 0xFB04: "ffl"}


def written(cff, font):
    made = io.BytesIO()
    cff.compile(made, font, isCFF2=False)
    return made.getvalue()


for family, name in FAMILIES.items():
    for style, suffix in STYLES.items():
        font = TTFont(pathlib.Path(sys.argv[1]) / f"texgyre{family}-{style}.otf")
        cmap = font.getBestCmap()
        options = subset.Options(glyph_names=True, layout_features=[], hinting=True, notdef_outline=False, name_IDs=[], desubroutinize=False)
        cutter = subset.Subsetter(options)
        cutter.populate(unicodes=KEPT)
        cutter.subset(font)
        cff = font["CFF "].cff
        cff.fontNames = [f"{name}-{suffix}"]
        top = cff.topDictIndex[0]
        for key in ("FullName", "FamilyName", "Notice", "Copyright", "version", "UniqueID", "XUID"):
            top.rawDict.pop(key, None)
            if hasattr(top, key): delattr(top, key)
        # Names as encodings of PDF files have them (Adobe Glyph List), which for some glyphs are not those of the family.
        names = {glyph: NAMES.get(code) or UV2AGL.get(code, glyph) for code, glyph in sorted(cmap.items(), reverse=True) if glyph in top.CharStrings}
        top.charset = [names.get(glyph, glyph) for glyph in top.charset]
        top.CharStrings.charStrings = {names.get(glyph, glyph): place for glyph, place in top.CharStrings.charStrings.items()}
        (pathlib.Path(__file__).parent / f"{name}-{suffix}.cff").write_bytes(written(cff, font))
