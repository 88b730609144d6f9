"""The C files of a bundle for a microcontroller."""

from __future__ import annotations

import re
from pathlib import Path

from fer_convert.contents import read_contents
from fer_convert.micro import MicroReport, whole_kib
from fer_core.bundle import ModelBundle
from fer_core.files import write_text
from fer_core.text import to_bytes


def save_c_files(bundle: ModelBundle, report: MicroReport, out: Path) -> tuple[Path, Path]:
    """Write NAME.h and NAME.c with the flatbuffer as an array; return their paths."""
    name = re.sub(r"\W", "_", bundle.name, flags=re.ASCII)
    name = f"model_{name}" if name[0].isdigit() else name  # as C wants it
    header, source = out / f"{name}.h", out / f"{name}.c"
    write_text(header, _header(bundle, name, report))
    write_text(source, _source(bundle, name))
    return header, source


def _header(bundle: ModelBundle, name: str, report: MicroReport) -> str:
    spec, labels = bundle.manifest.input, bundle.manifest.labels
    kinds = sorted({each.kind for each in read_contents(bundle.model).operations})
    height, width, channels = spec.shape
    value = "gray value" if channels == 1 else "of R, G and B"
    title = re.sub(r"[^\w .+-]", "_", bundle.name)  # a name may end a comment
    return f"""/* {title}, made by fer-convert --micro. SHA-256 of the network:
 * {bundle.manifest.sha256}
 *
 * Input: {height}x{width}x{channels} int8, each {value} minus 128.
 * Output: {len(labels)} int8; probability = (code - zero point) * scale of the output tensor.
 *
 * Operations to register: {", ".join(kinds)}.
 */
#ifndef {name.upper()}_H
#define {name.upper()}_H

#ifdef __cplusplus
extern "C" {{
#endif

/* What TensorFlow Lite Micro allocated on x86-64, rounded up to the next KiB. */
#define {name.upper()}_ARENA_BYTES {whole_kib(report.arena_bytes)}
#define {name.upper()}_LABELS {len(labels)}

extern const unsigned char {name}[];
extern const unsigned int {name}_bytes;
extern const char *const {name}_labels[{name.upper()}_LABELS];

#ifdef __cplusplus
}}
#endif

#endif
"""


def _source(bundle: ModelBundle, name: str) -> str:
    rows = [bundle.model[i : i + 20] for i in range(0, len(bundle.model), 20)]
    data = "\n".join("  " + "".join(f"{byte}," for byte in row) for row in rows)
    labels = ", ".join(map(c_string, bundle.manifest.labels))
    return f"""#include "{name}.h"

const unsigned char {name}[] __attribute__((aligned(16))) = {{
{data}
}};
const unsigned int {name}_bytes = {len(bundle.model)};
const char *const {name}_labels[{name.upper()}_LABELS] = {{{labels}}};
"""


def c_string(text: str) -> str:
    """Return a text as a string of C in UTF-8, all but plain letters and digits as octal bytes."""
    plain = (
        chr(byte) if chr(byte).isalnum() and byte < 128 else f"\\{byte:03o}"
        for byte in to_bytes(text)
    )
    return f'"{"".join(plain)}"'
