"""Gathers real photos that lie in other people's public repositories, to judge by: elsewhere.csv has where each lies and what is
on it, labelled by eye; the pictures are theirs, and are not kept here.

    python elsewhere.py [--out .data/elsewhere] [--mirror DIR]

--mirror: a folder of bare clones, DIR/owner+name/ANY, in place of GitHub. A picture that is not what was labelled (its git blob
has another name) is left out, and said. Writes OUT/labels.csv, as eval.py reads it, and OUT/images.
"""
import argparse
import csv
import pathlib

import github

HERE = pathlib.Path(__file__).parent


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=pathlib.Path, default=HERE / ".data/elsewhere")
    parser.add_argument("--mirror", type=pathlib.Path)
    args = parser.parse_args()
    (args.out / "images").mkdir(parents=True, exist_ok=True)
    rows, kept, why = github.rows(HERE / "elsewhere.csv"), [], {}
    for row in rows:
        name = f"images/{row['source'].replace('/', '__')}__{row['blob'][:10]}{pathlib.PurePosixPath(row['path']).suffix.lower()}"
        try:
            if not (args.out / name).exists():
                (args.out / name).write_bytes(github.get(row, args.mirror))
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
