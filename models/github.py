"""Files of other people's public repositories, by where they lay when they were looked at; nothing of them is kept here.

A row of a CSV that names one has: source (owner/name), commit, path, blob (what git calls the bytes), licence.
"""
import csv
import hashlib
import pathlib
import subprocess
import urllib.parse
import urllib.request

MOST = 32 << 20  # bytes of a file


def blob(data):
    """What git calls these bytes."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def online(row):
    url = f"https://raw.githubusercontent.com/{row['source']}/{row['commit']}/{urllib.parse.quote(row['path'])}"
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read(MOST)


def mirrored(folder, row):
    for clone in folder.glob(f"{row['source'].replace('/', '+')}/*"):
        got = subprocess.run(["git", "--git-dir", clone, "cat-file", "blob", row["blob"]], capture_output=True)
        if got.returncode == 0:
            return got.stdout
    raise OSError("not in the mirror")


def get(row, mirror=None):
    """The bytes of a row's file, from GitHub or a folder of bare clones (DIR/owner+name/ANY). OSError where it cannot be had, or is
    another than was looked at."""
    data = mirrored(mirror, row) if mirror else online(row)
    if blob(data) != row["blob"]:
        raise OSError("another file lies there now")
    return data


def rows(path):
    with open(pathlib.Path(path), newline="") as f:
        return list(csv.DictReader(f))
