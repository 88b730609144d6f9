"""A run of the study: its clock, its device, its data, and the report that it writes as it goes."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from teacher_data import Part, StudyData
from teacher_training import Clock, Judge
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """Training pictures (n, 48, 48) uint8 and what belongs to them, on the device."""

    part: Part
    pictures: Tensor
    generator: torch.Generator

    def targets(self, label_share: float) -> Tensor:
        """Return (n, classes) targets of label and crowd."""
        return torch.as_tensor(self.part.targets(label_share), device=self.pictures.device)


class Run:
    """A run: its clock, its device, its data, and the report that it writes as it goes."""

    def __init__(self, out: Path, data: StudyData, clock: Clock, device: torch.device) -> None:
        self.out, self.device, self.clock = out, device, clock
        out.mkdir(parents=True, exist_ok=True)
        generator = torch.Generator(device).manual_seed(1)
        self.lesson = Lesson(data.training, self._held(data.training), generator)
        labels = torch.as_tensor(data.public.labels, device=device)
        self.judge = Judge(self._held(data.public), labels)
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
