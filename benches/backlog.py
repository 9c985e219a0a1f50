#!/usr/bin/env python3
"""A backlog: N submissions of N/40 students in classes of 40, with recorded readings.

    backlog.py N FOLDER

16 assignments a class with 1 to 4 pages; pages are drawn at random, so that a third of the uploads supersedes another.
"""
import json
import os
import random
import sys

NOW = 1_795_248_000_000
DAY = 86_400_000
ASSIGNMENTS = 16


def main(count: int, out: str) -> None:
    random.seed(7)
    students = max(1, count // 40)
    classes = max(1, students // 40)

    def topic(name: str, partition: int = 0):
        os.makedirs(f"{out}/{name}", exist_ok=True)
        return open(f"{out}/{name}/{partition}.jsonl", "w", encoding="utf-8")

    def line(file, key: str, value: dict, ts: int) -> None:
        file.write(json.dumps({"key": key, "value": value, "ts": ts}, separators=(",", ":")) + "\n")

    with topic("enrolments") as file:
        for student in range(students):
            row = {"student_id": f"s-{student}", "class_id": f"c-{student % classes}", "school_id": f"x-{student % classes // 20}"}
            line(file, f"s-{student}|c-{student % classes}", row, NOW)
    with topic("assignments") as file:
        for class_ in range(classes):
            for a in range(ASSIGNMENTS):
                subject = ("maths", "english", "art")[a % 3]
                row = {"assignment_id": f"a-{class_}-{a}", "class_id": f"c-{class_}", "subject": subject, "pages": 1 + a % 4,
                       "due_at": NOW + (2 * a - 12) * DAY}
                line(file, f"a-{class_}-{a}", row, NOW)
    pages = [(a, page) for a in range(ASSIGNMENTS) for page in range(1, 2 + a % 4)]
    submissions = [topic("submissions", partition) for partition in range(4)]
    with open(f"{out}/readings.jsonl", "w", encoding="utf-8") as readings:
        for i in range(count):
            student = random.randrange(students)
            class_ = student % classes
            a, page = random.choice(pages)
            at = NOW - random.randrange(20 * DAY)
            uri = f"s3://homework/{class_}/{student}/{i:08d}.jpg"
            row = {"submission_id": f"u-{i:08d}", "student_id": f"s-{student}", "assignment_id": f"a-{class_}-{a}",
                   "page": page, "photo": {"uri": uri, "etag": f"{i:032x}"}, "uploaded_at": at}
            line(submissions[student % 4], f"s-{student}", row, at)
            reading = {"uri": uri, "quality": "ok", "completion_bp": random.randrange(10_001), "confidence_bp": 9_000}
            readings.write(json.dumps(reading, separators=(",", ":")) + "\n")
    for file in submissions:
        file.close()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
