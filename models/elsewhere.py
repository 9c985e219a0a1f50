"""Gathers real photos that lie in other people's public repositories, to judge by: elsewhere.csv has where each lies and what is
on it, labelled by eye; the pictures are theirs, and are not kept here.

    python elsewhere.py [--out .data/elsewhere] [--mirror DIR]

--mirror: a folder of bare clones, DIR/owner+name/ANY, in place of GitHub. A picture that is not what was labelled (its git blob
has another name) is left out, and said. Writes OUT/labels.csv, as eval.py reads it, and OUT/images.
"""
import argparse
import csv
import hashlib
import pathlib
import subprocess
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).parent
MOST = 32 << 20  # bytes of a picture


def blob(data):
    """What git calls these bytes."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def from_github(row):
    url = f"https://raw.githubusercontent.com/{row['source']}/{row['commit']}/{urllib.parse.quote(row['path'])}"
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read(MOST)


def from_mirror(folder, row):
    for clone in folder.glob(f"{row['source'].replace('/', '+')}/*"):
        got = subprocess.run(["git", "--git-dir", clone, "cat-file", "blob", row["blob"]], capture_output=True)
        if got.returncode == 0:
            return got.stdout
    raise OSError("not in the mirror")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=pathlib.Path, default=HERE / ".data/elsewhere")
    parser.add_argument("--mirror", type=pathlib.Path)
    args = parser.parse_args()
    (args.out / "images").mkdir(parents=True, exist_ok=True)
    rows, kept, why = list(csv.DictReader(open(HERE / "elsewhere.csv", newline=""))), [], {}
    for row in rows:
        name = f"images/{row['source'].replace('/', '__')}__{row['blob'][:10]}{pathlib.PurePosixPath(row['path']).suffix.lower()}"
        try:
            if not (args.out / name).exists():
                data = from_mirror(args.mirror, row) if args.mirror else from_github(row)
                if blob(data) != row["blob"]:
                    raise OSError("another picture lies there now")
                (args.out / name).write_bytes(data)
            kept.append({"file": name, **{k: v for k, v in row.items() if k not in ("commit", "path", "blob")}})
        except OSError as error:  # and what urllib raises
            why.setdefault(str(error), []).append(row["path"])
    if not kept:
        raise SystemExit(f"none of {len(rows)} could be had: {next(iter(why), 'elsewhere.csv is empty')}")
    with open(args.out / "labels.csv", "w", newline="") as f:
        out = csv.DictWriter(f, list(kept[0]), lineterminator="\n")
        out.writeheader()
        out.writerows(kept)
    print(f"{len(kept)} of {len(rows)} photos in {args.out}" + "".join(f"; {len(paths)} not: {error}" for error, paths in why.items()))


if __name__ == "__main__":
    main()
