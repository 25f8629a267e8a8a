#!/bin/bash
# Compiles matrices.c (clang 14 and lld, of Debian 12) to a script that carries it in base64:
# build.sh [OUT], by default wasm.js beside this file.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$here"
clang-14 --target=wasm32 -O3 -msimd128 -nostdlib -ffreestanding -Wall -Werror \
  -Wl,--no-entry -Wl,--import-memory -Wl,--export-all -Wl,--strip-all \
  -o "$folder/matrices.wasm" matrices.c
{
  echo '// matrices.c as WebAssembly, in base64; build.sh writes this file.'
  echo
  echo 'export const WASM = ['
  base64 -w 88 "$folder/matrices.wasm" | sed 's/.*/	"&",/'
  echo '].join("");'
} > "${1:-$here/wasm.js}"
