"""A run of the study: its clock, its device, its data, and the report that it writes as it goes."""

from __future__ import annotations

import json
import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from study_judges import Judge, Judges
from teacher_data import Part, StudyData
from torch import Tensor


class Clock:
    """Seconds left of a run."""

    def __init__(self, minutes: float) -> None:
        self.started = time.monotonic()
        self.ends = self.started + 60 * minutes

    def left(self) -> float:
        """Return the seconds left."""
        return self.ends - time.monotonic()

    def run(self) -> float:
        """Return the seconds since the start."""
        return round(time.monotonic() - self.started, 1)


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSet:
    """Training pictures (n, 48, 48) uint8 and what belongs to them, on the device."""

    part: Part
    pictures: Tensor
    generator: torch.Generator

    def targets(self, label_share: float, earlier_share: float = 0.0) -> Tensor:
        """Return (n, classes) targets of label, crowd and earlier teachers."""
        told = self.part.targets(label_share, earlier_share)
        return torch.as_tensor(told, device=self.pictures.device)


class Run:
    """A run: its clock, its device, its data, and the report that it writes as it goes."""

    def __init__(self, out: Path, data: StudyData, clock: Clock, device: torch.device) -> None:
        self.out, self.device, self.clock = out, device, clock
        out.mkdir(parents=True, exist_ok=True)
        generator = torch.Generator(device).manual_seed(1)
        self.training_set = TrainingSet(data.training, self._held(data.training), generator)
        elsewhere = {name: self._judge(part) for name, part in data.elsewhere.items()}
        self.judges = Judges(self._judge(data.public), elsewhere)
        self.report: dict[str, Any] = {
            "machine": _machine(device),
            "minutes": round((clock.ends - clock.started) / 60, 2),
            "training_pictures": len(data.training.labels),
            "public_pictures": len(data.public.labels),
            "teachers": [],
            "averages": [],
            "soft_labels": [],
            "students": [],
            "parts": [],
        }

    def _held(self, part: Part) -> Tensor:
        return torch.as_tensor(part.pictures, device=self.device)

    def _judge(self, part: Part) -> Judge:
        return Judge(self._held(part), torch.as_tensor(part.labels, device=self.device))

    def say(self, text: str) -> None:
        """Print a line with the seconds since the start."""
        print(f"{self.clock.run():6.1f}  {text}", flush=True)

    def note(self, kind: str, row: dict[str, Any]) -> None:
        """Add a row to the report and write it."""
        self.report[kind].append(row)
        beside = self.out / ".report.json"
        beside.write_text(json.dumps(self.report, indent=1))
        beside.replace(self.out / "report.json")

    def part_done(self, name: str) -> None:
        """Note when a part of the run was done."""
        self.note("parts", {"name": name, "at_seconds": self.clock.run()})


def _machine(device: torch.device) -> dict[str, Any]:
    cuda = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name() if cuda else platform.processor() or "cpu",
        "torch": torch.__version__,
        "precision": "bfloat16" if cuda else "float32",
        "cores": os.cpu_count(),
    }
