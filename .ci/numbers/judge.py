#!/usr/bin/env python3
"""Holds the reading of telephone numbers against PyPI's `phonenumbers`, over generated spellings: `judge.py PROGRAM [COUNT] [SEED]`.

A number that is taken must be the one that `phonenumbers` reads in the same text, possible by it, and its digits those that were written.
A number that `phonenumbers` calls valid must be taken, and be costly where `phonenumbers` says premium rate.
"""

import collections
import random
import subprocess
import sys

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumberFormat, PhoneNumberType
from phonenumbers.data import _COUNTRY_CODE_TO_REGION_CODE as REGIONS_OF

PROGRAM = sys.argv[1]
COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 20_000
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 32)
# Satellite and other global networks cost more whatever kind of number it is.
COSTLY_CODES = {870, 878, 881, 882, 883, 979}
KINDS = ["fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "personal_number", "voip", "uan"]
CODES = sorted(REGIONS_OF)


def examples():
    for code, regions in REGIONS_OF.items():
        for region in regions:
            known = PhoneMetadata.metadata_for_nongeo_region(code) if region == "001" else PhoneMetadata.metadata_for_region(region)
            for kind in KINDS:
                description = getattr(known, kind)
                if description and description.example_number:
                    yield code, description.example_number


def spellings(random):
    seeds = list(examples())
    while True:
        code, national = random.choice(seeds)
        digits = list(national)
        # Other numbers of the same kind: the last digits changed; sometimes the first ones, or one too many or too few.
        for place in random.sample(range(len(digits)), k=random.randint(0, min(4, len(digits)))):
            if place > 2 or random.random() < 0.1:
                digits[place] = str(random.randint(0, 9))
        chance = random.random()
        if chance < 0.05:
            digits.pop()
        elif chance < 0.1:
            digits.insert(random.randint(0, len(digits)), str(random.randint(0, 9)))
        elif chance < 0.15:
            digits.insert(0, random.choice("01"))
        national = "".join(digits)
        kind = random.random()
        if kind < 0.7:
            yield f"+{code}{national}"
        elif kind < 0.8:
            yield punctuated(random, f"+{code}", national)
        elif kind < 0.82:
            yield f"+{'0' * random.randint(1, 2)}{code}{national}"
        elif kind < 0.85:
            yield f"+{random.choice(CODES)}{national}"
        elif kind < 0.9:
            yield punctuated(random, random.choice(["", "1", "011" + str(code)]), national)
        else:
            yield "".join(random.choice("0123456789") for _ in range(random.randint(3, 15)))


def punctuated(random, start, national):
    text = start
    for digit in national:
        text += random.choice(["", "", "", " ", "-", "."]) + digit
    return text


def judged(text):
    try:
        return phonenumbers.parse(text, "US")
    except NumberParseException:
        return None


def known_exception(digits):
    """What `phonenumbers` calls valid and no network dials: more than 15 digits (ITU-T E.164, 6.1), and in North America numbers
    without an area code or with an exchange that begins with 0 or 1 (its pattern for 809 is loose)."""
    return len(digits) > 15 or (digits.startswith("1") and (len(digits) == 8 or digits[4] in "01"))


def main():
    source = random.Random(SEED)
    made = spellings(source)
    texts = [next(made) for _ in range(COUNT)]
    done = subprocess.run([PROGRAM], input="\n".join(texts) + "\n", capture_output=True, text=True, check=True)
    answers = done.stdout.splitlines()
    assert len(answers) == COUNT, f"{len(answers)} answers to {COUNT} numbers"
    counts, wrong = collections.Counter(), []
    for text, answer in zip(texts, answers):
        number = judged(text)
        taken, _, told = answer.partition(" ")
        valid = number is not None and phonenumbers.is_valid_number(number)
        e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164) if number else None
        if taken == "-":
            counts["refused"] += 1
            digits = "".join(c for c in text if c.isdigit())
            # Without a `+` only North American numbers are read.
            if valid and text.startswith("+") and e164 == f"+{digits}" and not known_exception(digits):
                wrong.append(f"valid, and refused: {text}: {told}")
            continue
        counts["taken"] += 1
        counts["valid"] += valid
        if text.startswith("+") and taken != "+" + "".join(c for c in text if c.isdigit()):
            wrong.append(f"digits changed: {text} became {taken}")
        read = [e164 == taken, number is not None and phonenumbers.is_possible_number(number)]
        # `phonenumbers` drops a national prefix after a country code that it takes for one: then it reads another number.
        again = judged(taken)
        if not all(read) and not (again and phonenumbers.is_possible_number(again)):
            wrong.append(f"taken, and not possible: {text} as {taken}, read as {e164}")
        if valid and e164 == taken:
            premium = phonenumbers.number_type(number) == PhoneNumberType.PREMIUM_RATE or number.country_code in COSTLY_CODES
            audiotext = number.country_code == 1 and (taken[2:5] == "900" or taken[5:8] == "976")
            counts["costly"] += told == "costly"
            if (premium or audiotext) != (told == "costly"):
                wrong.append(f"{'premium' if premium else 'not premium'} and {told}: {taken}")
    print(f"seed {SEED}: {COUNT} numbers, {dict(counts)}, {len(wrong)} wrong")
    print("\n".join(wrong[:40]))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
