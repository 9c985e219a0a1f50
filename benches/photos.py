#!/usr/bin/env python3
"""Photos a second of the whole pipeline, beside a bare loop of the same decoding and model on the same threads.

    photos.py INKFLOW BARE_LOOP PHOTOS THREADS [RATIO_MIN]

Both read PHOTOS photos made of the demo's, each with other bytes, so that none is known. The pipeline's seconds are those of a
run from its start to its end: the model loaded, records polled and admitted, the journal in a folder, photos fetched and hashed,
views kept, SQLite written. Rounds alternate, as a machine that others use is never twice the same. Ends with 1 where the
pipeline is below RATIO_MIN of the bare loop.
"""
import json
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import time

ROUNDS = 3
ROOT = pathlib.Path(__file__).resolve().parent.parent
NOW = 1_795_300_000_000


def prepare(work: pathlib.Path, count: int, threads: int) -> None:
    demo = [path.read_bytes() for path in sorted((ROOT / "models" / "demo-photos").glob("*.jpg"))]
    (work / "photos").mkdir()
    for number in range(count):
        photo = demo[number % len(demo)]
        comment = b"%012d" % number
        other = photo[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + photo[2:]
        (work / "photos" / f"{number}.jpg").write_bytes(other)
    students = max(1, count // 20)
    lines = {"enrolments": [], "assignments": [], "submissions": []}
    for student in range(students):
        row = {"student_id": f"s{student}", "class_id": f"c{student // 40}", "school_id": "x"}
        lines["enrolments"].append((f"s{student}|c{student // 40}", row))
    for class_ in range((students + 39) // 40):
        row = {"assignment_id": f"a{class_}", "class_id": f"c{class_}", "subject": "maths", "pages": 20, "due_at": NOW}
        lines["assignments"].append((f"a{class_}", row))
    for number in range(count):
        student = number % students
        row = {"submission_id": str(number), "student_id": f"s{student}", "assignment_id": f"a{student // 40}",
               "page": number // students % 20 + 1, "photo": {"uri": f"{number}.jpg"}, "uploaded_at": NOW - 10_000 + number}
        lines["submissions"].append((f"s{student}", row))
    for topic, rows in lines.items():
        (work / "in" / topic).mkdir(parents=True)
        text = "".join(json.dumps({"key": key, "value": row}) + "\n" for key, row in rows)
        (work / "in" / topic / "0.jsonl").write_text(text)
    (work / "flow.yaml").write_text(f"""version: 1
source: {{folder: {{path: in}}}}
photos: {{folder: {{path: photos}}}}
readers: {{model: {{folder: {ROOT / "models"}, name: page@16, threads: {threads}}}}}
sinks: [{{sqlite: {{path: views.sqlite}}}}]
""")


def main(inkflow: str, bare: str, count: int, threads: int, least: float) -> int:
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        prepare(work, count, threads)
        best = {"bare": 0.0, "pipeline": 0.0}
        ratios = []
        for round_ in range(ROUNDS):
            told = subprocess.run([bare, ROOT / "models/page/16", work / "photos", str(threads)], check=True,
                                  stdout=subprocess.PIPE, text=True).stdout
            alone = count / float(told)
            (work / "views.sqlite").unlink(missing_ok=True)
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            start = time.monotonic()
            said = subprocess.run([inkflow, "run", "flow.yaml", "--until-end", "--journal", f"journal{round_}", "--log", "json"],
                                  cwd=work, check=True, stderr=subprocess.PIPE, text=True).stderr
            whole = count / (time.monotonic() - start)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            inferences = int(re.findall(r'"inferences":(\d+)', said)[-1])
            assert inferences == count, f"{inferences} inferences for {count} photos"
            ratios.append(whole / alone)
            best = {"bare": max(best["bare"], alone), "pipeline": max(best["pipeline"], whole)}
            print(f"round {round_ + 1}: bare loop {alone:.1f} photos/s, whole pipeline {whole:.1f} photos/s "
                  f"({whole / alone:.2f} of it; {1000 * busy / count:.1f} ms of processor a photo)")
        ratio = sorted(ratios)[len(ratios) // 2]
        print(f"{count} photos on {threads} thread(s): bare loop {best['bare']:.1f}, pipeline {best['pipeline']:.1f} photos/s "
              f"at best; {ratio:.2f} of the bare loop in the median")
        return int(ratio < least)


if __name__ == "__main__":
    sys.exit(main(os.path.realpath(sys.argv[1]), os.path.realpath(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]),
                  float(sys.argv[5]) if len(sys.argv) > 5 else 0.0))
