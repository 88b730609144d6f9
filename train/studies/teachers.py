"""Turn a quarter of an hour of a large GPU into an ensemble of teachers, and students taught by it.

    python train/studies/teachers.py T.zip --out OUT --minutes 9

It needs the file that teacher_data.py writes, PyTorch, numpy and OpenCV, and takes a CUDA GPU
where there is one. `--tiny` goes through everything in a few minutes on two CPU cores, `--time`
only times each network. What it writes as it goes:

    report.json        every curve, the PublicTest accuracy of each network and of the averages,
                       the time each part took
    soft-labels.npz    what the teachers say of Training and PublicTest in eight fixed views
    student-NAME.npz   a student's weights by the layer names of its Keras model

With `--keep FOLDER` finished teachers are kept there and not trained again. PublicTest alone is
looked at.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from student_training import STUDENT, fill_bank, train_student, train_students
from study_run import Run
from teacher_data import STUDENTS, unpack
from teacher_networks import (
    build_attentive_96,
    build_repvgg,
    build_resnet_34,
    build_vgg,
    build_wide,
)
from teacher_training import Clock, Judge, Recipe, probabilities, train
from teacher_views import FIXED_VIEWS, altered, fixed_view
from torch import Tensor, nn

TEACHERS_SHARE = 0.72
"""The share of the time that teachers may take."""
LEAST_SHARE = 0.15
"""No teacher is begun with less than this share of the teachers' time left."""


@dataclass(frozen=True, slots=True)
class Teacher:
    """A kind of teacher; FER2013's label has `label_share` of each target, the crowd the rest."""

    build: Callable[[], nn.Module]
    label_share: float
    recipe: Recipe


TEACHERS = {
    "vgg": Teacher(build_vgg, 0.7, Recipe()),
    "wide": Teacher(build_wide, 0.6, Recipe()),
    "repvgg": Teacher(build_repvgg, 0.5, Recipe()),
    "attentive-96": Teacher(build_attentive_96, 0.6, Recipe()),
    "resnet-34": Teacher(build_resnet_34, 0.7, Recipe()),
}
"""Trained in this order until their time is over: few trained to the end beat many cut short."""


def train_teachers(
    run: Run, teachers: dict[str, Teacher], keep: Path | None
) -> dict[str, nn.Module]:
    """Train teachers until their time is over; return those whose average is best on PublicTest.

    Those in `keep` are loaded instead of trained. The soft labels are written anew whenever the
    best average changes.
    """
    seconds = TEACHERS_SHARE * run.clock.left()
    ends = run.clock.left() - seconds
    trained: dict[str, nn.Module] = {}
    answers: dict[str, Tensor] = {}
    chosen: list[str] = []
    for name, teacher in teachers.items():
        if trained and run.clock.left() - ends < LEAST_SHARE * seconds:
            run.say(f"no time for {name}")
            continue
        trained[name] = _teacher(run, name, teacher, run.clock.left() - ends, keep)
        answers[name] = probabilities(trained[name], run.judge.pictures, mirrored=True)
        before, (chosen, accuracy) = chosen, best_average(answers, run.judge)
        run.note("averages", {"teachers": chosen, "public_accuracy": round(accuracy, 4)})
        run.say(f"average of {', '.join(chosen)}: PublicTest {accuracy:.2%}")
        if chosen != before:
            save_soft_labels(run, {each: trained[each] for each in chosen})
    run.part_done("teachers")
    return {name: trained[name] for name in chosen}


def best_average(answers: dict[str, Tensor], judge: Judge) -> tuple[list[str], float]:
    """Return the teachers whose average is most accurate, and its accuracy.

    The best one first, then whichever raises the average most, until none does.
    """
    chosen: list[str] = []
    best = 0.0
    while len(chosen) < len(answers):
        tried = {
            name: judge.accuracy(torch.stack([answers[each] for each in [*chosen, name]]).mean(0))
            for name in answers
            if name not in chosen
        }
        name = max(tried, key=tried.__getitem__)
        if tried[name] <= best:
            break
        chosen, best = [*chosen, name], tried[name]
    return chosen, best


def _teacher(run: Run, name: str, teacher: Teacher, seconds: float, keep: Path | None) -> nn.Module:
    net = teacher.build().to(run.device, memory_format=torch.channels_last)
    file = keep / f"{name}.pt" if keep else None
    recipe = asdict(teacher.recipe)
    if file and file.is_file():
        kept = torch.load(file, map_location=run.device, weights_only=True)
        if kept["record"]["recipe"] == recipe:
            net.load_state_dict(kept["weights"])
            run.note("teachers", kept["record"])
            run.say(f"{name} was trained before")
            return net.eval()
        run.say(f"{name} was kept from another recipe: it is trained again")
    targets, lesson = run.lesson.targets(teacher.label_share), run.lesson
    net, record = train(
        name,
        net,
        teacher.recipe,
        lambda _: (altered(lesson.pictures, lesson.generator), targets),
        run.judge,
        seconds,
        run.say,
    )
    row = {"label_share": teacher.label_share, **asdict(record)}
    run.note("teachers", row)
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        torch.save({"record": row, "weights": net.state_dict()}, file)
    return net


def save_soft_labels(run: Run, chosen: dict[str, nn.Module]) -> None:
    """Write the mean answers of the chosen teachers for every picture, in the order of FER2013.

    `training` and `public` are (views, n, classes) float16 in steps of 1/256. The mean over the
    views is the most accurate.
    """
    arrays: dict[str, Any] = {
        "teachers": np.array(list(chosen)),
        "views": np.array([(v.angle, v.scale, v.mirror) for v in FIXED_VIEWS], np.float32),
    }
    for name, pictures in (("training", run.lesson.pictures), ("public", run.judge.pictures)):
        views = [fixed_view(pictures, view) for view in FIXED_VIEWS]
        answers = torch.stack(
            [
                torch.stack([probabilities(net, view) for net in chosen.values()]).mean(0)
                for view in views
            ]
        )
        arrays[name] = ((answers * 256).round() / 256).half().cpu().numpy()
    means = torch.as_tensor(arrays["public"].astype(np.float32).mean(0), device=run.device)
    accuracy = round(run.judge.accuracy(means), 4)
    np.savez_compressed(run.out / "soft-labels.npz", **arrays)
    run.note("soft_labels", {"teachers": list(chosen), "public_accuracy": accuracy})
    run.say(f"soft labels over {len(FIXED_VIEWS)} views: PublicTest {accuracy:.2%}")


def time_networks(run: Run, teachers: dict[str, Teacher], networks: dict[str, Any]) -> None:
    """Time an epoch of each network, without training any to an end."""
    for name, teacher in teachers.items():
        once = replace(teacher, recipe=replace(teacher.recipe, most_epochs=2))
        _teacher(run, name, once, 30.0, None)
    bank = fill_bank(run, [teacher.build().to(run.device) for teacher in teachers.values()], 2)
    for name in STUDENTS:
        once_each = replace(STUDENT, most_epochs=2)
        train_student(run, name, networks[name], bank, once_each, 30.0)
    for row in run.report["teachers"] + run.report["students"]:
        run.say(
            f"{row['name']}: {row['parameters'] / 1e6:.2f} M parameters, "
            f"{row['multiplications'] / 1e6:.0f} MMACs, ready in {row['preparing_seconds']} s, "
            f"an epoch {row['curve'][-1]['seconds']} s, estimated {row['estimated_epoch_seconds']}"
        )


def tiny(teachers: dict[str, Teacher]) -> dict[str, Teacher]:
    """Return two teachers, for two epochs of small batches."""
    return {
        name: replace(
            teachers[name], recipe=replace(teachers[name].recipe, batch=16, most_epochs=2)
        )
        for name in ("vgg", "wide")
    }


def run(arguments: argparse.Namespace) -> None:
    """Run the study."""
    small, clock = arguments.tiny, Clock(arguments.minutes)
    device = torch.device("cuda" if torch.cuda.is_available() and not small else "cpu")
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(1)
    data = unpack(arguments.data, limit=64 if small else 0)
    study = Run(arguments.out, data, clock, device)
    study.part_done("data")
    teachers = tiny(TEACHERS) if small else TEACHERS
    if arguments.time:
        time_networks(study, teachers, data.students)
        return
    trained = train_teachers(study, teachers, arguments.keep)
    bank = fill_bank(study, list(trained.values()), most_views=2 if small else 64)
    recipe = replace(STUDENT, batch=16, most_epochs=2) if small else STUDENT
    train_students(study, data.students, bank, recipe)
    study.say(f"done, {study.clock.left():.0f} s left")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Train teachers, then students taught by them.")
    parser.add_argument("data", type=Path, help="what teacher_data.py wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--minutes", type=float, default=9.0, help="when to end")
    parser.add_argument("--keep", type=Path, help="folder of finished teachers")
    parser.add_argument("--tiny", action="store_true", help="a dry run on the CPU")
    parser.add_argument("--time", action="store_true", help="only time each network")
    run(parser.parse_args())


if __name__ == "__main__":
    main()
