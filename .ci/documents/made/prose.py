"""Plain English to fill pages with: long words, of which the loss of one is seen."""

LETTER = """Dear Doctor Miller, thank you for referring this patient. The examination yesterday showed no fracture of the
left shoulder. Please continue the medicine twice daily until Thursday and arrange another appointment within fourteen days.
The laboratory report follows separately. Kindly return the signed authorization before the insurance company closes
the account. With friendly regards, Margaret Johnson, Department of Orthopaedics, Northern Community Hospital.""".split()

ROWS = [
    ("Quantity", "Description", "Price"), ("12", "Surgical gloves medium", "48.00"), ("3", "Blood pressure monitor", "187.50"),
    ("250", "Paper envelopes window", "31.25"), ("1", "Delivery overnight", "19.90"), ("7", "Printer cartridge black", "203.00"),
]


def lines(width=60, start=0, words=LETTER):
    """The text in lines of at most `width` characters, beginning with word `start`."""
    made, line = [], ""
    for word in words[start:] + words[:start]:
        if len(line) + len(word) >= width:
            made.append(line)
            line = ""
        line = f"{line} {word}".strip()
    return made + [line]
