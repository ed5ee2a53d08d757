"""The verifiers, each a program that reads cases, one a line, and says of each whether it accepts it."""

import json
import pathlib
import re
import shutil
import subprocess
import venv

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILT = ROOT / "target/webhooks"
# Where the document's verifiers and the programs around them are put together.
WORK = BUILT / "document"


def install():
    wanted = (HERE / "requirements.txt").read_text() + (HERE / "package-lock.json").read_text()
    done = BUILT / "installed"
    if done.exists() and done.read_text() == wanted:
        return
    npm = BUILT / "npm"
    npm.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, npm)
    subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=npm, check=True)
    venv.create(BUILT / "venv", with_pip=True, clear=True)
    subprocess.run([BUILT / "venv/bin/pip", "install", "--quiet", "--requirement", HERE / "requirements.txt"], check=True)
    done.write_text(wanted)


def extract():
    """Takes the verifiers out of the document: the fenced blocks that name a file."""
    shutil.rmtree(WORK, ignore_errors=True)
    shutil.copytree(HERE / "harness", WORK)
    text = (ROOT / "docs/webhooks.md").read_text()
    found = re.findall(r"^```\w+ (verify\.\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    for name, code in found:
        folder = WORK / "webhook" if name == "verify.go" else WORK
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(code)
    return [name for name, _ in found]


def said(command, lines, **options):
    done = subprocess.run(command, input=lines, capture_output=True, text=True, **options)
    if done.returncode:
        raise SystemExit(f"WRONG  {command[0]} ended with {done.returncode}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def rust(lines):
    # With the versions that the service itself is locked to, which are here already.
    shutil.copy(ROOT / "Cargo.lock", WORK)
    subprocess.run(["cargo", "build", "--quiet", "--offline", "--target-dir", BUILT / "rust"], cwd=WORK, check=True)
    return said([BUILT / "rust/debug/verify"], lines)


def sh(line, before=""):
    now, secret, header, *_, body = line.split("\t")
    (WORK / "body").write_bytes(bytes.fromhex(body))
    script = before + '. ./verify.sh && verify "$@"'
    done = subprocess.run(["sh", "-c", script, "sh", "body", header, secret, now], cwd=WORK, capture_output=True, text=True)
    if done.stderr or done.returncode > 1:
        raise SystemExit(f"WRONG  verify.sh, {header!r}: {done.stderr}")
    return done.returncode == 0


def shell(lines):
    lines = lines.splitlines()
    # The first is one that it must accept.
    if sh(lines[0], before="openssl() { return 1; }; "):
        raise SystemExit("WRONG  verify.sh accepts when openssl does not work")
    return [sh(line) for line in lines]


# The file in the document, the program that it needs, and how it is run.
DOCUMENT = {
    "verify.mjs": ("node", lambda lines: said(["node", "main.mjs"], lines, cwd=WORK)),
    "verify.py": ("python3", lambda lines: said(["python3", "-B", "main.py"], lines, cwd=WORK)),
    "verify.rs": ("cargo", rust),
    "verify.go": ("go", lambda lines: said(["go", "run", "."], lines, cwd=WORK)),
    "verify.php": ("php", lambda lines: said(["php", "main.php"], lines, cwd=WORK)),
    "verify.sh": ("openssl", shell),
}


def ask(shared, odd):
    """What each verifier says of the cases, by its name and kind; the libraries of `shared` alone, the document's of `odd` after them.

    Also the names of the document's verifiers whose language is not here.
    """
    install()
    if sorted(extract()) != sorted(DOCUMENT):
        raise SystemExit("WRONG  docs/webhooks.md has not the verifiers that it should have")
    answers, missing = {}, []

    libraries = {"node": ["node", HERE / "libraries.mjs", BUILT / "npm"], "python": [BUILT / "venv/bin/python", "-B", HERE / "libraries.py"]}
    for language, command in libraries.items():
        for row in said(command, written(shared)):
            for name, accepted in row.items():
                kind = name if name in ("reference", "stripe") else "standard"
                answers.setdefault((f"{name} ({language})", kind), []).append(accepted)

    for name, (program, run) in DOCUMENT.items():
        if shutil.which(program):
            answers[name, "document"] = run(written(shared + odd))
        else:
            missing.append(name)
    for (name, kind), given in answers.items():
        if len(given) != len(shared) + (len(odd) if kind == "document" else 0):
            raise SystemExit(f"WRONG  {name} left cases without an answer")
    return answers, missing


def written(cases):
    fields = ("x-sfm-signature", "webhook-id", "webhook-timestamp", "webhook-signature")
    rows = [[str(case.now), case.secret, *(case.headers[field] for field in fields), case.body.hex()] for case in cases]
    return "".join("\t".join(row) + "\n" for row in rows)
