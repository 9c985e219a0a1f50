#!/usr/bin/env bash
# Fetches ONNX Runtime's shared library, once, and prints where it lies.
#
#   deploy/onnxruntime.sh            prints the path, which is the one that inkflow looks at by itself
#
#   INKFLOW_CACHE   where it is kept   (default ~/.cache/inkflow)
#
# The library is taken out of the project's own wheel for Python, by whatever package index pip is set up to use here.
# inkflow needs no Python afterwards. Callers at once are safe: each unpacks beside, and the first to finish wins.
set -euo pipefail

version=1.31.1
cache=${INKFLOW_CACHE:-${HOME:-/tmp}/.cache/inkflow}
folder=$cache/onnxruntime-$version
library=$folder/libonnxruntime.so

if [ ! -e "$library" ]; then
    command -v python3 >/dev/null || { echo "onnxruntime.sh: needs python3 with pip, once" >&2; exit 1; }
    mkdir -p "$cache"
    part=$(mktemp -d "$cache/onnxruntime-$version.part.XXXXXX")
    trap 'rm -rf "$part"' EXIT
    echo "onnxruntime.sh: fetching ONNX Runtime $version" >&2
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$part" \
        "onnxruntime==$version" >&2 || {
        echo "onnxruntime.sh: pip could not fetch it. With a library of your own: export ORT_DYLIB_PATH=/path/to/it" >&2
        exit 1
    }
    python3 - "$part" "$folder" <<-'PYTHON'
	import glob, os, shutil, sys, zipfile

	part, folder = sys.argv[1:]
	[wheel] = glob.glob(os.path.join(part, "*.whl"))
	with zipfile.ZipFile(wheel) as files:
	    names = [n for n in files.namelist() if n.startswith("onnxruntime/capi/libonnxruntime.so")]
	    if not names:
	        sys.exit("onnxruntime.sh: the wheel for this platform holds no libonnxruntime.so")
	    made = os.path.join(part, "made")
	    os.mkdir(made)
	    with files.open(names[0]) as source, open(os.path.join(made, "libonnxruntime.so"), "wb") as target:
	        shutil.copyfileobj(source, target)
	    for name in files.namelist():  # what its licence asks to be kept with it
	        if os.path.basename(name) in ("LICENSE", "ThirdPartyNotices.txt"):
	            with files.open(name) as source, open(os.path.join(made, os.path.basename(name)), "wb") as target:
	                shutil.copyfileobj(source, target)
	os.chmod(os.path.join(made, "libonnxruntime.so"), 0o755)
	try:
	    os.rename(made, folder)
	except OSError:
	    # Another caller was first, or left a folder without its library.
	    if not os.path.exists(os.path.join(folder, "libonnxruntime.so")):
	        shutil.rmtree(folder)
	        os.rename(made, folder)
	PYTHON
fi
echo "$library"
