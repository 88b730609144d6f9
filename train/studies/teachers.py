"""Turn a quarter of an hour of a large GPU into an ensemble of teachers, and students taught by it.

    python train/studies/teachers.py T.zip --out OUT --minutes 9

It needs the file that teacher_data.py writes, PyTorch, numpy and OpenCV, and takes a CUDA GPU
where there is one. `--tiny` goes through everything in a few minutes on two CPU cores. What it
writes as it goes:

    report.json            every curve, the accuracy of each network and of the averages on
                           PublicTest and on the sets from elsewhere, the time each part took
    soft-labels.npz        what the teachers say of Training and PublicTest in eight fixed views
    students-COURSE.npz    the students' weights by the layer names of their Keras models

With `--keep FOLDER` finished teachers are kept there and not trained again. `--teachers`,
`--students` and `--courses` choose what is trained; `--students` without a name trains none.
PrivateTest is never looked at.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from student_training import COURSES, STUDENT, fill_bank, train_students
from study_judges import Judge, mean_probabilities, probabilities
from study_run import Clock, Run
from teacher_data import STUDENTS, unpack
from teacher_networks import build_vgg, build_wide_vgg
from teacher_training import Learner, Recipe, report_row, train_together
from teacher_views import FIXED_VIEWS, altered, fixed_view
from torch import Tensor, nn

TEACHERS_SHARE = 0.42
"""The share of the time that teachers may take where students are trained, too."""
ALONE_SHARE = 0.93
"""And where they are not."""


@dataclass(frozen=True, slots=True)
class Teacher:
    """A kind of teacher and what it learns: see `Part.targets` for the shares."""

    build: Callable[[], nn.Module]
    label_share: float
    recipe: Recipe
    earlier_share: float = 0.0


TEACHERS = {
    "vgg": Teacher(build_vgg, 0.7, Recipe()),
    "vgg-earlier": Teacher(build_vgg, 0.7, Recipe(), earlier_share=0.4),
    "vgg-wide": Teacher(build_wide_vgg, 0.55, Recipe()),
}
"""Trained together, for as many epochs as their time allows."""


def ensemble(
    run: Run, teachers: dict[str, Teacher], keep: Path | None, seconds: float
) -> dict[str, nn.Module]:
    """Train teachers; return those whose average is best on PublicTest.

    Those in `keep` are loaded instead of trained.
    """
    nets = {name: _kept(run, name, teacher, keep) for name, teacher in teachers.items()}
    missing = [name for name, net in nets.items() if net is None]
    if missing:
        learners = [_learner(run, name, teachers[name]) for name in missing]
        for learner in train_together(learners, run.judges, seconds, run.say):
            row = report_row(learner, len(learners))
            run.note("teachers", row)
            nets[learner.name] = learner.average.net
            if keep:
                keep.mkdir(parents=True, exist_ok=True)
                weights = learner.average.net.state_dict()
                torch.save({"record": row, "weights": weights}, keep / f"{learner.name}.pt")
    trained = {name: net for name, net in nets.items() if net is not None}
    public = run.judges.public
    answers = {
        name: probabilities(net, public.pictures, mirrored=True) for name, net in trained.items()
    }
    chosen = {name: trained[name] for name in best_average(answers, public)[0]}
    for members in [trained, chosen] if len(chosen) < len(trained) else [trained]:
        each = members.values()
        verdict = run.judges.of(lambda p, each=each: mean_probabilities(each, p, mirrored=True))
        run.note("averages", {"teachers": list(members), **verdict})
        run.say(f"average of {', '.join(members)}: {verdict}")
    run.part_done("teachers")
    return chosen


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


def _kept(run: Run, name: str, teacher: Teacher, keep: Path | None) -> nn.Module | None:
    file = keep / f"{name}.pt" if keep else None
    if not file or not file.is_file():
        return None
    kept = torch.load(file, map_location=run.device, weights_only=True)
    asked = {"recipe": asdict(teacher.recipe)} | _shares(teacher)
    if any(kept["record"].get(name) != value for name, value in asked.items()):
        run.say(f"{name} was kept from another recipe: it is trained again")
        return None
    net = teacher.build().to(run.device, memory_format=torch.channels_last)
    net.load_state_dict(kept["weights"])
    run.note("teachers", kept["record"])
    run.say(f"{name} was trained before")
    return net.eval()


def _learner(run: Run, name: str, teacher: Teacher) -> Learner:
    net = teacher.build().to(run.device, memory_format=torch.channels_last)
    shares, training_set = _shares(teacher), run.training_set
    targets = training_set.targets(**shares)

    def epoch() -> tuple[Tensor, Tensor]:
        return altered(training_set.pictures, training_set.generator), targets

    learner = Learner(name, net, teacher.recipe, epoch, run.say)
    learner.facts |= shares
    return learner


def _shares(teacher: Teacher) -> dict[str, float]:
    return {"label_share": teacher.label_share, "earlier_share": teacher.earlier_share}


def save_soft_labels(run: Run, chosen: dict[str, nn.Module]) -> None:
    """Write the mean answers of the chosen teachers for every picture, in the order of FER2013.

    `training` and `public` are (views, n, classes) float16 in steps of 1/256. The mean over the
    views is the most accurate.
    """
    arrays: dict[str, Any] = {
        "teachers": np.array(list(chosen)),
        "views": np.array([(v.angle, v.scale, v.mirror) for v in FIXED_VIEWS], np.float32),
    }
    for name, pictures in (
        ("training", run.training_set.pictures),
        ("public", run.judges.public.pictures),
    ):
        views = [fixed_view(pictures, view) for view in FIXED_VIEWS]
        answers = torch.stack([mean_probabilities(chosen.values(), view) for view in views])
        arrays[name] = ((answers * 256).round() / 256).half().cpu().numpy()
    means = torch.as_tensor(arrays["public"].astype(np.float32).mean(0), device=run.device)
    accuracy = round(run.judges.public.accuracy(means), 4)
    np.savez_compressed(run.out / "soft-labels.npz", **arrays)
    run.note("soft_labels", {"teachers": list(chosen), "public_accuracy": accuracy})
    run.say(f"soft labels over {len(FIXED_VIEWS)} views: PublicTest {accuracy:.2%}")


def tiny(teachers: dict[str, Teacher]) -> dict[str, Teacher]:
    """Return the teachers with a recipe of two epochs of small batches."""
    return {
        name: replace(teachers[name], recipe=replace(teachers[name].recipe, batch=8, most_epochs=2))
        for name in teachers
    }


def run(arguments: argparse.Namespace) -> None:
    """Run the study."""
    small, clock = arguments.tiny, Clock(arguments.minutes)
    device = torch.device("cuda" if torch.cuda.is_available() and not small else "cpu")
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(1)
    data = unpack(arguments.data, limit=16 if small else 0)
    study = Run(arguments.out, data, clock, device)
    study.part_done("data")
    teachers = tiny(TEACHERS) if small else TEACHERS
    chosen = {name: teachers[name] for name in arguments.teachers}
    share = TEACHERS_SHARE if arguments.students else ALONE_SHARE
    trained = ensemble(study, chosen, arguments.keep, share * clock.left())
    save_soft_labels(study, trained)
    if not arguments.students:
        return
    strengths = dict.fromkeys(COURSES[name].strength for name in arguments.courses)
    judges, views = list(trained.values()), 2 if small else 64
    banks = {strength: fill_bank(study, judges, views, strength) for strength in strengths}
    recipe = replace(STUDENT, batch=8, most_epochs=2) if small else STUDENT
    students = {name: data.students[name] for name in arguments.students}
    train_students(study, students, banks, recipe, arguments.courses)
    study.say(f"done, {clock.left():.0f} s left")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Train teachers, then students taught by them.")
    parser.add_argument("data", type=Path, help="what teacher_data.py wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--minutes", type=float, default=9.0, help="when to end")
    parser.add_argument("--keep", type=Path, help="folder of finished teachers")
    parser.add_argument("--tiny", action="store_true", help="a dry run on the CPU")
    for option, known in (("teachers", TEACHERS), ("students", STUDENTS), ("courses", COURSES)):
        names = list(known)
        parser.add_argument(f"--{option}", nargs="*", choices=names, default=names)
    run(parser.parse_args())


if __name__ == "__main__":
    main()
