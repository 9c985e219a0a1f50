"""The world of tests/services.sh: five classes hand in 500 photos, and what happens around them.

  plain OUT REPOSITORY DEVREAL    OUT/plain: each picture once, as a folder flow, so that the model's answers get known
  answers OUT < READINGS          OUT/answers.jsonl: what it answered, by the uris of the world
  notify ARN                      MinIO tells ARN what is put into the bucket that is noted
  happen OUT STAGE                puts the photos of STAGE (1 to 3), prints its records for `inkflow-topics append`
  again                           prints a tenth of the notifications again, from `inkflow-topics read` on stdin
  noted OUT                       whether there is one of each photo that is noted, from the same
  records OUT < RECORDS           OUT/records: what the topics hold, as a folder; of a notification, the submission that it is.
                                  A line `topic NAME` stands before the records of each topic
  sqlite FILE LIKE OUT            the tables of a SQLite file as the command would export them

PHOTOS_NOTED and PHOTOS_TOLD name the buckets, NOW the clock of the runs in ms, TOPICS what stands before a topic's name.
"""
import csv, hashlib, http.client, json, os, random, sqlite3, sys
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote_plus

import s3

ENV = os.environ
NOW = int(ENV["NOW"])
DAY_MS, HOUR_MS = 86_400_000, 3_600_000
CLASSES, STUDENTS, ASSIGNMENTS, PAGES = 5, 10, 5, 2
# Of both, some are so large that decoding them would be all that a test does.
PICTURE_BYTES_MAX = 500_000
OPEN_LICENCES = ("MIT", "Apache-2.0", "BSD-3")


def pictures(repository, devreal):
    """The project's own, and real ones where they are; sorted, so that each run sees the same."""
    demo = f"{repository}/models/demo-photos"
    found = [f"{demo}/{name}" for name in sorted(os.listdir(demo))]
    labels = f"{devreal}/labels.csv"
    if os.path.exists(labels):
        with open(labels, newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["licence"].startswith(OPEN_LICENCES)]
        found += sorted(f"{devreal}/{row['file']}" for row in rows)
    return [path for path in found if path.endswith((".jpg", ".jpeg", ".png")) and os.path.getsize(path) <= PICTURE_BYTES_MAX]


def write(path, lines):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


def plain(out, repository, devreal):
    """Pictures, and two that are none: `broken`, which ends too early, and `text`."""
    folder = f"{out}/plain"
    os.makedirs(f"{folder}/photos")
    named = []
    for path in pictures(repository, devreal):
        with open(path, "rb") as file:
            named.append((f"{len(named):03}", file.read()))
    print(len(named), "pictures")
    named += [("broken", named[0][1][:3000]), ("text", b"no picture")]
    for name, picture in named:
        with open(f"{folder}/photos/{name}", "wb") as file:
            file.write(picture)
    assignment = {"assignment_id": "a", "class_id": "c", "subject": "maths", "pages": len(named), "due_at": NOW}
    write(f"{folder}/in/assignments/0.jsonl", [{"key": "a", "value": assignment}])
    enrolment = {"student_id": "s", "class_id": "c", "school_id": "north"}
    write(f"{folder}/in/enrolments/0.jsonl", [{"key": "s|c", "value": enrolment}])
    write(f"{folder}/in/submissions/0.jsonl", [{"key": "s", "value": {
        "submission_id": name, "student_id": "s", "assignment_id": "a", "page": page, "photo": {"uri": name},
        "uploaded_at": NOW - DAY_MS}} for page, (name, _) in enumerate(named, 1)])


class Upload:
    """A page that is handed in: whose, which picture it shows, and what is told of it."""

    def __init__(self, number, student, assignment, page, picture, stage, told=None, again=False, is_put=True):
        self.number, self.student, self.assignment, self.page = number, student, assignment, page
        self.picture, self.stage, self.again, self.is_put = picture, stage, again, is_put
        # Photos of half of the students are told of by the store, the others' by whoever put them.
        self.is_noted = int(student[2:]) % 2 == 0 and told is None
        self.told = told or {}
        bucket = ENV["PHOTOS_NOTED" if self.is_noted else "PHOTOS_TOLD"]
        self.key = f"north/{student[:2]}/{student}/{assignment}/{page}.jpg"
        self.uri, self.path = f"s3://{bucket}/{self.key}", f"/{bucket}/{self.key}"

    def body(self, out):
        with open(f"{out}/plain/photos/{self.picture}", "rb") as file:
            picture = file.read()
        # Behind a picture's end, other bytes make another photo, that nobody has read. Every eighth stays as it was.
        return picture if self.number % 8 == 0 and not self.again else picture + b"%d %d" % (self.number, self.again)

    def record(self, body):
        photo = {"uri": self.uri} | [
            {"etag": f'"{hashlib.md5(body).hexdigest()}"'}, {"sha256": hashlib.sha256(body).hexdigest()}, {},
        ][self.number % 3] | self.told
        at = NOW - 4 * DAY_MS + self.number * 300_000 + self.again * HOUR_MS
        return {"submission_id": f"u{self.number}-{self.again:d}", "student_id": self.student,
                "assignment_id": self.assignment, "page": self.page, "photo": photo, "uploaded_at": at}


def uploads(out):
    names = sorted(name for name in os.listdir(f"{out}/plain/photos") if name.isdigit())
    found = []
    for number in range(CLASSES * STUDENTS * ASSIGNMENTS * PAGES):
        # The order of the year: the first homework of all, then the second.
        rest, page = divmod(number, PAGES)
        homework, rest = divmod(rest, CLASSES * STUDENTS)
        of, student = divmod(rest, STUDENTS)
        # The same few pictures where bytes are the same.
        picture = names[number // 8 % 20 if number % 8 == 0 else number * 7 % len(names)]
        stage = 1 + number * 3 // 500
        found.append(Upload(number, f"c{of}{student}", f"a{of}-{homework}", page + 1, picture, stage))
    # A better photo of the same page, in the place of the first. One without a version would be taken for the first.
    found += [Upload(of.number, of.student, of.assignment, of.page, names[of.number % 5], 3, again=True)
              for of in found[7:300:22] if of.is_noted or of.number % 3 != 2]
    # Of a third page: those that cannot be read, each in its way.
    odd = [("broken", {}, True), ("text", {}, True), (names[0], {"sha256": "0" * 64}, True),
           (names[0], {"etag": "another"}, True), (names[0], {}, False)]
    found += [Upload(602 + 3 * n, f"c0{n}", "a0-0", 3, picture, 2, told, is_put=is_put)
              for n, (picture, told, is_put) in enumerate(odd)]
    return found


def answers(out):
    """By uri: a model says the same of bytes behind a picture's end. What is no model's answer is known without one."""
    said = {answer["uri"]: answer for answer in map(json.loads, sys.stdin)}
    lines = []
    for upload in uploads(out):
        fault = None if upload.is_put else "not_found"
        fault = {"sha256": "hash_mismatch", "etag": "not_found"}.get(next(iter(upload.told), ""), fault)
        if fault:
            lines.append({"uri": upload.uri, "fault": fault})
        else:
            lines.append({name: value for name, value in said[upload.picture].items() if name != "model"} | {"uri": upload.uri})
    write(f"{out}/answers.jsonl", lines)


def around(stage):
    """What happens besides photos: (topic, key, value)."""
    def assignment(of, homework, **other):
        key = f"a{of}-{homework}"
        # From three weeks ago until after the clock: some count for neither of the views of recent days, some are open.
        value = {"assignment_id": key, "class_id": f"c{of}", "subject": ["maths", "reading"][homework % 2], "pages": PAGES,
                 "due_at": NOW - 21 * DAY_MS + homework * 6 * DAY_MS} | other
        return "assignments", key, value

    def enrolment(student, of, **other):
        value = {"student_id": student, "class_id": f"c{of}", "school_id": "north"} | other
        return "enrolments", f"{student}|c{of}", value

    def review(student, homework, page, status, hours_ago, **other):
        key = f"{student}|a{student[1]}-{homework}|{page}"
        value = {"student_id": student, "assignment_id": f"a{student[1]}-{homework}", "page": page, "status": status,
                 "reviewer": "ms north", "reviewed_at": NOW - hours_ago * HOUR_MS} | other
        return "reviews", key, value

    students = [(f"c{of}{n}", of) for of in range(CLASSES) for n in range(STUDENTS)]
    statuses = ["complete", "partial", "blank", "unusable"]
    if stage == 1:
        yield "models", "*", {"scope": "*", "live": "page@1"}
        yield "models", "class:c1", {"scope": "class:c1", "live": "page@1", "shadow": "page@2"}
        for of in range(CLASSES):
            for homework in range(ASSIGNMENTS):
                yield assignment(of, homework)
        for student, of in students[:-2]:
            yield enrolment(student, of)
    elif stage == 2:
        yield assignment(0, 0, pages=3, title="three pages, after all")
        yield assignment(2, 4, due_at=NOW - DAY_MS, complete_from_bp=5000)
        yield assignment(3, 4, opens_at=NOW + DAY_MS)
        for n, (student, _) in enumerate(students[::2] + students[1::4]):
            # Just now, or before all photos were uploaded, with and without a number of its own.
            own = {"completion_bp": n * 250} if n % 3 == 0 else {}
            yield review(student, n % ASSIGNMENTS, n % 2 + 1, statuses[n % 4], 0 if n % 5 else 480, **own)
        yield review("c09", 0, 3, "complete", 2)
        for student, of in students[-2:]:
            yield enrolment(student, of, since=NOW - 10 * DAY_MS)
        yield "submissions", "c00", "{no record"
        yield "enrolments", "c00|elsewhere", {"student_id": "c00", "class_id": "c0", "school_id": "north"}
    else:
        yield "assignments", "a4-0", None
        yield "enrolments", "c11|c1", None
        yield enrolment("c11", 2)
        yield "enrolments", "c12|c1", None
        yield "models", "class:c2", {"scope": "class:c2", "live": "page@1", "canary": {"model": "page@2", "percent": 40}}
        for student, homework, page in [("c00", 0, 1), ("c04", 2, 1), ("c21", 4, 2)]:
            yield "reviews", f"{student}|a{student[1]}-{homework}|{page}", None
        for student in ("c30", "c41"):
            yield "erasures", student, {"student_id": student, "requested_at": NOW - HOUR_MS}


def happen(out, stage):
    now = [upload for upload in uploads(out) if upload.stage == stage]
    bodies = [upload.body(out) for upload in now]

    def put(few):
        connection = http.client.HTTPConnection(s3.HOST)
        for upload, body in few:
            s3.put(connection, upload.path, body)

    stored = [(upload, body) for upload, body in zip(now, bodies) if upload.is_put]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, [stored[n::4] for n in range(4)]))
    if stage == 2:
        # Of no pattern, hence no photo, and a record that is rejected.
        s3.put(http.client.HTTPConnection(s3.HOST), f"/{ENV['PHOTOS_NOTED']}/readme.txt", b"of no page")
    events = [("submissions", upload.student, upload.record(body)) for upload, body in zip(now, bodies) if not upload.is_noted]
    luck = random.Random(stage)
    # Among the photos, and in no order with them, but in one among themselves.
    for place, event in zip(sorted(luck.randrange(len(events)) for _ in around(stage)), around(stage)):
        events.insert(place, event)
    # One of twenty comes later than it should, and one of ten twice.
    late = [(n + luck.randrange(5, 60) * (luck.random() < 0.05), event) for n, event in enumerate(events)]
    late += [(n + luck.randrange(60), event) for n, event in enumerate(events) if luck.random() < 0.10]
    for _, (topic, key, value) in sorted(late, key=lambda found: found[0]):
        value = value if value is None or isinstance(value, str) else json.dumps(value)
        print(json.dumps({"topic": ENV["TOPICS"] + topic, "key": key, "value": value}))


def notifications():
    """Of each photo the first."""
    seen = {}
    for line in map(json.loads, sys.stdin):
        if '"Records"' in (line["value"] or "") and "readme.txt" not in line["value"]:
            of = json.loads(line["value"])["Records"][0]["s3"]["object"]
            seen.setdefault((of["key"], of["eTag"]), line)
    return list(seen.values())


def again():
    found = notifications()
    for line in random.Random(4).sample(found, len(found) // 10):
        print(json.dumps({"topic": ENV["TOPICS"] + "submissions", "key": line["key"], "value": line["value"]}))


def submission(value):
    """What a notification is: docs/views.md says how."""
    told = json.loads(value)["Records"][0]
    bucket, of = told["s3"]["bucket"]["name"], told["s3"]["object"]
    key = unquote_plus(of["key"])
    parts = key.removesuffix(".jpg").split("/")
    if len(parts) != 5:
        return {"raw": value}
    uri = f"s3://{bucket}/{key}"
    return {"key": "", "value": {
        "submission_id": f"{uri}@{of['eTag']}", "student_id": parts[2], "assignment_id": parts[3], "page": int(parts[4]),
        "photo": {"uri": uri, "etag": of["eTag"], "bytes": of["size"]}, "uploaded_at": told["eventTime"]}}


def records(out):
    topic, held = None, {}
    for line in sys.stdin:
        if line.startswith("topic "):
            topic = line.split()[1]
            continue
        record = json.loads(line)
        lines = held.setdefault((topic, record["partition"]), [])
        assert record["offset"] == len(lines), record
        value = record["value"]
        if value is None:
            lines.append({"key": record["key"], "value": None})
        elif '"Records"' in value:
            lines.append(submission(value))
        else:
            lines.append({"key": record["key"], "raw": value})
    for (topic, partition), lines in held.items():
        write(f"{out}/records/{topic}/{partition}.jsonl", lines)
    print({place: len(lines) for place, lines in sorted(held.items())})


def sqlite(file, like, out):
    os.makedirs(out)
    database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    for name in os.listdir(like):
        view = name.removesuffix(".csv")
        with open(f"{like}/{name}", newline="") as expected:
            columns = next(csv.reader(expected))
        about = {column: (kind, key) for column, kind, key in database.execute(
            "SELECT name, kind, key FROM inkflow_columns WHERE view = ? AND position > 0 ORDER BY position", (view,))}
        assert list(about) == columns, (view, about)
        keys = [column for column in columns if about[column][1]]
        select = ", ".join(f'"{column}"' for column in columns)
        order = ", ".join(f'"{column}"' for column in keys)
        shown = {"bool": lambda value: "true" if value else "false"}
        with open(f"{out}/{name}", "w", newline="") as written:
            writer = csv.writer(written, lineterminator="\n")
            writer.writerow(columns)
            for row in database.execute(f"SELECT {select} FROM {view} ORDER BY {order}"):
                writer.writerow("" if value is None else shown.get(about[column][0], str)(value)
                                for column, value in zip(columns, row))


def notify(arn):
    told = f"<QueueConfiguration><Id>up</Id><Queue>{arn}</Queue><Event>s3:ObjectCreated:*</Event></QueueConfiguration>"
    body = f"<NotificationConfiguration>{told}</NotificationConfiguration>".encode()
    s3.put(http.client.HTTPConnection(s3.HOST), f"/{ENV['PHOTOS_NOTED']}", body, [("notification", "")])


what, *rest = sys.argv[1:]
if what == "happen":
    happen(rest[0], int(rest[1]))
elif what == "noted":
    there, wanted = len(notifications()), sum(upload.is_noted for upload in uploads(rest[0]))
    sys.exit(there != wanted and f"{there} notifications, not {wanted}")
else:
    {"plain": plain, "answers": answers, "notify": notify, "again": again, "records": records, "sqlite": sqlite}[what](*rest)
