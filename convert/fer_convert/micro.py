"""For a microcontroller: an int8 bundle as a C array, checked in TensorFlow Lite Micro."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fer_convert.recipes import RECIPES
from fer_core.bundle import ModelBundle
from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.own_process import run_module
from fer_core.preprocess import quantize_pixels
from fer_core.readers import default_data_path, load_dataset
from fer_core.values import UInt8Array
from fer_edge.inference.interpreter import TfliteModel

PICTURES, LIMIT_SECONDS, PLENTY_BYTES = 200, 1200, 16 << 20
CODE_BYTES, OTHER_RAM_BYTES = 100_000, 32_000
"""What is set aside for the interpreter with its kernels in flash, and for the program in RAM."""


@dataclass(frozen=True, slots=True)
class Microcontroller:
    """A board and the bytes of its flash and of its largest RAM in one piece."""

    name: str
    flash_bytes: int
    ram_bytes: int


BOARDS = (
    Microcontroller("Arduino Nano 33 BLE (nRF52840)", 1 << 20, 256 << 10),
    Microcontroller("Raspberry Pi Pico (RP2040)", 2 << 20, 256 << 10),
    Microcontroller("STM32F746 Discovery", 1 << 20, 320 << 10),
    Microcontroller("ESP32-S3", 8 << 20, 320 << 10),
    Microcontroller("Raspberry Pi Pico 2 (RP2350)", 4 << 20, 512 << 10),
    Microcontroller("STM32H743 Nucleo", 2 << 20, 512 << 10),
)
"""From the makers' data sheets; of the ESP32-S3's 512 KiB what ESP-IDF leaves for data."""


@dataclass(frozen=True, slots=True)
class MicroReport:
    """What a microcontroller needs for a network.

    Attributes:
        flash_bytes: The size of the weights.
        arena_bytes: The RAM that it takes.
        pictures: What was answered in TensorFlow Lite Micro and by LiteRT's reference kernels.
        differing: How many answers are not the same bit for bit.
        codes: By how many of the output's 256 codes they differ at most.
    """

    flash_bytes: int
    arena_bytes: int
    pictures: str
    differing: int = 0
    codes: int = 0

    def fits(self, board: Microcontroller) -> bool:
        """Return whether network, interpreter and program have room on a board."""
        return (
            self.flash_bytes + CODE_BYTES <= board.flash_bytes
            and self.arena_bytes + OTHER_RAM_BYTES <= board.ram_bytes
        )

    def text(self) -> str:
        """Return flash, arena, and the boards that it fits."""
        alike = "bit for bit"
        if self.differing:
            alike = f"the same label for each, {self.differing} off by at most {self.codes} code"
            alike += "s" if self.codes > 1 else ""
        lines = [
            f"flash {self.flash_bytes:,} bytes, tensor arena {self.arena_bytes:,} bytes; "
            f"TensorFlow Lite Micro answers {self.pictures} as LiteRT's reference kernels do, "
            f"{alike}"
        ]
        lines.append(
            f"with {CODE_BYTES:,} bytes of flash set aside for the interpreter and "
            f"{OTHER_RAM_BYTES:,} of RAM for the program:"
        )
        lines += [f"{'fits' if self.fits(b) else 'too large for':<14}{b.name}" for b in BOARDS]
        return "\n".join(lines)


def micro_pictures(bundle: ModelBundle, data: Path | None) -> tuple[UInt8Array, str]:
    """Return PICTURES faces (n, h, w, c) uint8 of a data set, else of noise, and their name."""
    spec, found = bundle.manifest.input, data or default_data_path()
    if found:
        return some_pictures(load_dataset(found, spec, skip_bad=True))
    noise = np.random.default_rng(0).integers(0, 256, (PICTURES, *spec.shape), np.uint8)
    return noise, f"{PICTURES} pictures of noise"


def some_pictures(dataset: FerDataset) -> tuple[UInt8Array, str]:
    """Return at most PICTURES of a data set, of every class in whatever order, and their name."""
    pixels = dataset.pixels
    every = np.linspace(0, len(pixels) - 1, min(PICTURES, len(pixels))).astype(int)
    return np.asarray(pixels[every], np.uint8), f"{len(every)} pictures of {dataset.name}"


def check_micro(bundle: ModelBundle, pixels: UInt8Array, named: str) -> MicroReport:
    """Run pictures (n, h, w, c) uint8 in TensorFlow Lite Micro; return what it needs.

    Raises:
        FerError: The network is not int8, does not run there, or gives another label.
    """
    recipe = RECIPES.get(bundle.manifest.recipe)
    if not (recipe and recipe.full_integer):
        raise FerError(f"{bundle.name} is not int8: a microcontroller takes fer-convert --int8")
    answers, arena_bytes = _answers(bundle, quantize_pixels(pixels))
    reference = TfliteModel(bundle, kernels="reference")
    wanted = np.stack([reference.invoke(reference.prepared(picture)) for picture in pixels])
    codes = np.abs(answers.astype(int) - wanted).max(axis=1)
    flips = int((answers.argmax(axis=1) != wanted.argmax(axis=1)).sum())
    if flips:
        raise FerError(
            f"TensorFlow Lite Micro gives {flips} of {named} another label than LiteRT's "
            f"reference kernels, {int((codes > 0).sum())} another answer, by up to {codes.max()} "
            "of 256 codes. Do not use it there"
        )
    return MicroReport(
        len(bundle.model), arena_bytes, named, int((codes > 0).sum()), int(codes.max())
    )


def _answers(bundle: ModelBundle, codes: npt.NDArray[np.int8]) -> tuple[npt.NDArray[np.int8], int]:
    """Return the answers (n, classes) int8 to inputs (n, h, w, c) int8, and the arena's bytes.

    The last picture is answered once more, in an arena of the size that the header names.
    """
    answers, arena_bytes = _run(bundle, codes, PLENTY_BYTES)
    named = whole_kib(arena_bytes)
    try:
        again, _ = _run(bundle, codes[-1:], named)
    except FerError as error:
        raise FerError(f"{bundle.name} does not run in the {named:,} bytes it took") from error
    if not np.array_equal(again, answers[-1:]):
        raise FerError(f"{bundle.name} answers otherwise in the {named:,} bytes it took")
    return answers, arena_bytes


def whole_kib(count: int) -> int:
    """Return a number of bytes rounded up to the next KiB."""
    return -(-count // 1024) * 1024


def _run(
    bundle: ModelBundle, codes: npt.NDArray[np.int8], arena_bytes: int
) -> tuple[npt.NDArray[np.int8], int]:
    if find_spec("tflite_micro") is None:
        raise FerError(
            "tflite-micro is not installed: pip install '.[micro]' in the folder of fer-edge-kit "
            "(Linux on x86-64)"
        )
    with tempfile.TemporaryDirectory() as folder:
        model, inputs, outputs = (Path(folder) / n for n in ("m.tflite", "in.npy", "out.npy"))
        model.write_bytes(bundle.model)
        np.save(inputs, codes)
        words = map(str, (model, inputs, outputs, arena_bytes))
        name = f"TensorFlow Lite Micro with {bundle.name}"
        done = run_module("fer_convert.micro_run", *words, seconds=LIMIT_SECONDS, what=name)
        said = done.stdout + done.stderr
        arena = re.search(r"Arena allocation total (\d+) bytes", said)
        if done.returncode or not arena:
            last = said.strip().splitlines()[-1:] or [f"exit {done.returncode}"]
            raise FerError(
                f"TensorFlow Lite Micro cannot run {bundle.name}: {last[0]}. It has not all "
                "operations; fer-convert FILE.tflite lists those of a bundle"
            )
        return np.load(outputs), int(arena[1])
