#!/usr/bin/env bash
# Makes sure that what the build and the page reader need is there. Installs it where it is root on Debian or Ubuntu,
# else names the exact command. Quiet when nothing is to be done.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v cargo >/dev/null && [ -x "$HOME/.cargo/bin/cargo" ]; then
    export PATH="$HOME/.cargo/bin:$PATH"
fi
if ! command -v cargo >/dev/null; then
    echo "inkflow needs Rust by rustup (https://rustup.rs): install it, open a new shell, and run this again." >&2
    exit 1
fi

missing=()
command -v cc >/dev/null || missing+=(build-essential)
command -v cmake >/dev/null || missing+=(cmake)
command -v nasm >/dev/null || missing+=(nasm)
# For Kafka's client: TLS, and where it is found.
command -v openssl >/dev/null || missing+=(openssl)
command -v pkg-config >/dev/null || missing+=(pkg-config)
pkg-config --exists openssl 2>/dev/null || missing+=(libssl-dev)
pkg-config --exists zlib 2>/dev/null || missing+=(zlib1g-dev)
command -v python3 >/dev/null || missing+=(python3)
python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)
if [ ${#missing[@]} -gt 0 ]; then
    command="apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "inkflow: installing ${missing[*]} (once, about 20 s)"
        apt-get update -qq >/dev/null
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    else
        echo "inkflow needs ${missing[*]}. On Debian or Ubuntu:" >&2
        echo "    sudo sh -c '$command'" >&2
        exit 1
    fi
fi
deploy/onnxruntime.sh >/dev/null
