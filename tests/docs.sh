#!/usr/bin/env bash
# Documents that hold: every command block of README.md, CONTRIBUTING.md and docs/ is run as it stands, and what the
# documents name is there. The last line is the count: N passed, N failed.
#
#   tests/docs.sh [DOCUMENT...]      all documents, or these
#
#   INKFLOW_BIN   the inkflow to run (default: this checkout's, built as the tests build it, so that nothing is built twice)
#
# How a document says what is to be done with a block, after the language of its fence:
#   ```sh                  runs it. A document's blocks run in order, in one shell, from the root of a fresh copy.
#   ```sh skip=REASON      lists it with the reason, and does not run it.
#   ```text output         is, to the byte, what the block before it wrote to stdout.
#   ```LANGUAGE from=PATH  stands in that file, line by line; a line `// ...` stands for lines left out.
# Besides: links lead to files, paths in backticks exist, and a name in backticks with three underscores or more is that of
# a test, or of something else that the sources name.
set -uo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ -z "${INKFLOW_BIN:-}" ]; then
    cargo build --quiet -p inkflow --bin inkflow || exit 1
    INKFLOW_BIN=${CARGO_TARGET_DIR:-target}/debug/inkflow
fi
mkdir "$work/bin" && ln -s "$(realpath "$INKFLOW_BIN")" "$work/bin/inkflow" || exit 1

export WORK=$work PATH=$work/bin:$PATH
python3 - "$@" <<'PYTHON'
import glob, os, re, shlex, signal, subprocess, sys, time

WORK = os.environ["WORK"]
# A document is a few commands over a handful of records: one that takes a minute hangs.
DOCUMENT_SECONDS_MAX = 60
DOCUMENTS = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/**/*.md"]
PLACES = "schemas|operators|connectors|pipeline|tests|models|deploy|docs|benches"
passed = failed = 0


def listed(*arguments):
    return subprocess.run(["git", "ls-files", "-z", *arguments], check=True, capture_output=True).stdout.split(b"\0")


# What a clone would hold, with what has been changed here since.
FILES = [f for f in listed("--cached", "--others", "--exclude-standard") if f and os.path.exists(f)]
NAMES = set()
for name in FILES:
    if name.endswith(b".rs"):
        NAMES.update(re.findall(r"\bfn (\w+)|\"(\w+)\"", open(name, encoding="utf-8").read()))
NAMES = {name for pair in NAMES for name in pair}


def tell(good, what, why=""):
    global passed, failed
    passed, failed = passed + good, failed + (not good)
    print(f"{'ok    ' if good else 'FAILED'}  {what}" + (f": {why}" if why else ""), flush=True)


class Block:
    def __init__(self, document, line, info):
        self.document, self.line, self.lines = document, line, []
        self.language, _, self.rest = info.partition(" ")
        self.at = f"{document}:{line}"

    @property
    def text(self):
        return "".join(self.lines)


def read(document):
    """The document's blocks, and its prose as (line number, line)."""
    blocks, prose, open_block = [], [], None
    for number, line in enumerate(open(document, encoding="utf-8"), 1):
        fence = re.match(r"( *)```(.*)$", line)
        if fence and open_block is None:
            open_block = Block(document, number, fence[2].strip())
            if fence[1]:
                tell(False, open_block.at, "a block stands at the margin, so that it can be run as it stands")
        elif fence and not fence[2].strip():
            blocks.append(open_block)
            open_block = None
        elif open_block is not None:
            open_block.lines.append(line)
        else:
            prose.append((number, line))
    if open_block is not None:
        tell(False, open_block.at, "this block has no end")
    return blocks, prose


def check_names(document, prose):
    """What the prose names is there."""
    wrong = []
    for number, line in prose:
        beside = os.path.dirname(document)
        targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", line)
        missing = [t for t in targets if "://" not in t and not os.path.exists(os.path.join(beside, t))]
        for name in re.findall(r"`([^`]+)`", line):
            if re.fullmatch(rf"({PLACES})/[\w./*-]*", name):
                missing += [] if glob.glob(name, recursive=True) else [name]
            elif re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+){3,}", name):
                missing += [] if name in NAMES else [name]
        wrong += [f"{document}:{number}: there is no {name}" for name in missing]
    tell(not wrong, f"{document}: what it names", "\n        ".join(wrong))


def check_excerpt(block, source):
    """An excerpt stands in its source."""
    if not os.path.exists(source):
        return tell(False, block.at, f"there is no {source}")
    text, place = open(source, encoding="utf-8").read(), 0
    pieces = re.split(r"(?m)^ *(?://|#) \.\.\.\n", block.text)
    for piece in filter(str.strip, pieces):
        place = text.find(piece, place)
        if place < 0:
            return tell(False, block.at, f"{source} holds no longer:\n{piece}")
        place += len(piece)
    tell(True, f"{block.at} stands in {source}")


def run(document, blocks):
    """Runs the blocks of a document in order, in one shell."""
    folder = os.path.join(WORK, document.replace("/", "_"))
    copy = os.path.join(folder, "inkflow")
    os.makedirs(copy)
    tar = subprocess.run(["tar", "--null", "--files-from=-", "-c"], input=b"\0".join(FILES), check=True, capture_output=True)
    subprocess.run(["tar", "-x", "-C", copy], input=tar.stdout, check=True)
    script = ["set -eE -o pipefail", """trap 'echo "$BASH_SOURCE:$LINENO ended with $?" >&2' ERR"""]
    for number, block in enumerate(blocks):
        # The lines before the block are empty, so that whatever bash says names the line of the document.
        block.file = os.path.join(folder, str(number), document)
        os.makedirs(os.path.dirname(block.file))
        with open(block.file, "w", encoding="utf-8") as out:
            out.write("\n" * block.line + block.text)
        block.out = os.path.join(folder, f"{number}.out")
        block.done = os.path.join(folder, f"{number}.done")
        script += [f". {shlex.quote(block.file)} > {shlex.quote(block.out)}", f": > {shlex.quote(block.done)}"]
    started = time.monotonic()
    shell = subprocess.Popen(["bash", "-c", "\n".join(script)], cwd=copy, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        said = shell.communicate(timeout=DOCUMENT_SECONDS_MAX)[1]
    except subprocess.TimeoutExpired:
        os.killpg(shell.pid, signal.SIGKILL)
        said = shell.communicate()[1] + f"not done after {DOCUMENT_SECONDS_MAX} s\n"
    said = re.sub(re.escape(folder) + r"/\d+/", "", said)
    told = False
    for block in blocks:
        if not os.path.exists(block.done):
            tell(False, block.at, "it was not come to" if told else f"it says\n{said}")
            told = True
            continue
        wrote = open(block.out, encoding="utf-8").read()
        expected = getattr(block, "expected", None)
        if expected is not None and wrote != expected.text:
            tell(False, expected.at, f"the block before it writes\n{wrote}")
        else:
            tell(True, block.at + ("" if expected is None else ", and what it writes"))
    print(f"        {document} took {time.monotonic() - started:.1f} s")


documents = sys.argv[1:]
if not documents:
    found = [sorted(glob.glob(pattern, recursive=True)) for pattern in DOCUMENTS]
    documents = [document for matches in found for document in matches]
for document in documents:
    blocks, prose = read(document)
    check_names(document, prose)
    commands, before = [], None
    for block in blocks:
        if block.rest.startswith("from="):
            check_excerpt(block, block.rest.removeprefix("from="))
        elif block.rest == "output" and before is not None:
            before.expected = block
        elif block.language in ("sh", "bash", "shell", "console") and block.rest.startswith("skip="):
            print(f"skip    {block.at}: {block.rest.removeprefix('skip=')}")
        elif block.language == "sh" and not block.rest:
            commands.append(block)
        elif block.rest or block.language in ("bash", "shell", "console"):
            tell(False, block.at, f"not known: {block.language} {block.rest}")
        before = block if block in commands else None
    if commands:
        run(document, commands)
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0 or passed == 0)
PYTHON
