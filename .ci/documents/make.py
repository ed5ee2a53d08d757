"""Makes the documents of the comparison in a folder.

usage: make.py FOLDER
"""
import os, sys
from made import changed, drawn, forms, pictures, typed


def main(folder):
    made = {}
    for kind in (typed, drawn, pictures, forms):
        for name, document in kind.files():
            made[name] = document
    made.update(changed.files(dict(made)))
    os.makedirs(folder, exist_ok=True)
    for name, document in made.items():
        with open(os.path.join(folder, name + ".pdf"), "wb") as file:
            file.write(document)
    print(len(made), "documents,", sum(map(len, made.values())), "bytes")


main(sys.argv[1])
