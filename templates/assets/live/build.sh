#!/bin/bash
# Compiles matrices.c and exponentials.c (clang 14 and lld, of Debian 12) to a script that carries
# them in base64: build.sh [OUT], by default wasm.js beside this file.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$here"
linker=$(command -v wasm-ld-14 || command -v wasm-ld)
clang-14 --target=wasm32 -O3 -msimd128 -nostdlib -ffreestanding -Wall -Werror \
  -fuse-ld="$linker" -Wl,--no-entry -Wl,--import-memory -Wl,--export-all -Wl,--strip-all \
  -o "$folder/kernels.wasm" matrices.c exponentials.c
{
  echo '// matrices.c and exponentials.c as WebAssembly, in base64; build.sh writes this file.'
  echo
  echo 'export const WASM = ['
  base64 -w 88 "$folder/kernels.wasm" | sed 's/.*/	"&",/'
  echo '].join("");'
} > "${1:-$here/wasm.js}"
