"""The live edition: the model itself beside the site, for the page that runs it.

Pages opened from disk may not fetch data, but they may load it as classic scripts: `live/` has the
bytes of the GGUF in scripts of 8 MB each, and a manifest. The folder is published by itself, so the
site is the same with and without it.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from layerbook.core.errors import ModelError, UsageError
from layerbook.core.paths import read_file, resolve_within
from layerbook.core.progress import Reporter
from layerbook.core.text import pluralize
from layerbook.model.sources import BundleSource, GGUFSource, ModelSource
from layerbook.site.interactive import compact_json
from layerbook.site.prose.filters import bytes_
from layerbook.store import publish

FOLDER = "live"
PART_SIZE = 2**23
MANIFEST = "manifest.js"
MAX_MODEL_BYTES = 2_000_000_000


def write_live_edition(source: ModelSource, site: Path, report: Reporter) -> str:
    """Publish the model's file in `live/` of a site, and return a summary.

    Raises UsageError if the model is not a GGUF, ModelError if its file is not
    available, StoreError for the folder, also if it is a link, and for a file larger than 2 GB.
    """
    gguf = find_gguf(require_gguf(source), report)
    folder = site / FOLDER
    resolve_within(site, folder, links=False)
    with report.task("Writing the live edition", None):
        scripts = model_scripts(read_file(gguf, MAX_MODEL_BYTES))
        publish.publish(scripts, folder)
    size = bytes_(sum(map(len, scripts.values())))
    return f"{folder}: the model in {pluralize(len(scripts) - 1, 'script')}, {size}"


def require_gguf(source: ModelSource) -> GGUFSource:
    """Return the source if it is a GGUF file. Raises UsageError otherwise."""
    if isinstance(source, GGUFSource):
        return source
    raise UsageError(
        f"--live needs a model that is a GGUF file; {source.name} is of the kind {source.kind}"
    )


def find_gguf(source: GGUFSource, report: Reporter) -> Path:
    """Return the file of a model, downloaded if it is not on this machine. Raises ModelError."""
    if not isinstance(source, BundleSource):
        return Path(source.location)
    gguf = source.gguf_path()
    if not gguf.is_file():
        folder = source.prepare(report)
        if not gguf.is_file():
            raise ModelError(
                f"{gguf}: is missing, though the model is converted; remove {folder} and run "
                "`layerbook model`, which downloads it again"
            )
    return gguf


def model_scripts(data: bytes) -> dict[str, bytes]:
    """Return the scripts of a file's bytes by name, with the manifest.

    The bytes are base64 in a comment inside a function: a browser neither parses it nor keeps a
    second copy, and the page reads it from the function's text.
    """
    scripts = {}
    for number, offset in enumerate(range(0, len(data), PART_SIZE)):
        text = base64.b64encode(data[offset : offset + PART_SIZE])
        scripts[f"weights-{number:02}.js"] = (
            b"layerbookWeights(%d, function () {/*" % offset + text + b"*/});\n"
        )
    digest = hashlib.sha256(data).hexdigest()
    manifest = compact_json({"size": len(data), "sha256": digest, "parts": list(scripts)})
    return scripts | {MANIFEST: f"window.layerbookManifest = {manifest};\n".encode()}
