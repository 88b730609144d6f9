"""The parts of `fer-edge score`: what is listed, planned, counted once, and remembered."""

from __future__ import annotations

import errno
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

pytest.importorskip("pyarrow", reason="pyarrow is not installed: extra [score]")

from commands import call_here
from fer_core.bundle import ModelBundle
from fer_core.errors import ArgumentError, FerError
from fer_core.locks import alone_in
from fer_core.preprocess import InputSpec
from fer_edge.inference.models import ModelFacts, load_model
from fer_edge.score import cli, keys, sources
from fer_edge.score.keys import find_repeated, key_of
from fer_edge.score.loop import read_pieces
from fer_edge.score.manifest import Manifest, Result
from fer_edge.score.plan import Piece, Plan
from fer_edge.score.pools import Death
from fer_edge.score.progress import Progress, duration
from fer_edge.score.run import Request, make_pool, score
from fer_edge.score.settings import prepare, read_every
from fer_edge.score.shards import shard_file, shard_range
from fer_edge.score.sources import Listing, Source, full_words
from fer_edge.score.summary import summarize
from score_works import Nothing


def touched(folder: Path, *names: str) -> Path:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
    return folder


def names(*words: object, without: Path = Path("/nowhere")) -> list[str]:
    listing = Listing(full_words([str(word) for word in words]), without)
    return sorted(Path(source.address).name for source in listing)


def listed(count: int, prefix: str = "p", suffix: str = ".jpg") -> list[Source]:
    return [Source(f"/{prefix}{index}{suffix}") for index in range(count)]


def held(plan: Plan, done: dict[int, int] | None = None) -> list[Source]:
    return [source for piece in plan.pieces(done or {}) for source in piece.sources]


@pytest.fixture
def open_manifest(tmp_path: Path) -> Iterator[Callable[[], Manifest]]:
    opened: list[Manifest] = []

    def open_one() -> Manifest:
        opened.append(Manifest(tmp_path))
        return opened[-1]

    yield open_one
    for manifest in opened:
        manifest.close()


def quiet_progress() -> Progress:
    return Progress(1, 0, lambda line: None)


def test_a_folder_gives_its_pictures_and_videos(tmp_path: Path) -> None:
    place = touched(
        tmp_path, "a.jpg", "b/c.PNG", "b/d.mp4", "b/e.csv", ".hidden/f.jpg", "out/s.png"
    )
    listing = Listing([str(place)], place / "out")
    assert sorted(Path(each.address).name for each in listing) == ["a.jpg", "c.PNG", "d.mp4"]
    assert sum(listing.left_out.values()) == 1
    assert all(each.version.startswith("1-") for each in Listing([str(place)], place / "out"))


def test_a_folder_that_cannot_be_listed_costs_no_other_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = touched(tmp_path.resolve(), "a.jpg", "lost+found/b.jpg", "z/c.jpg")
    scandir = os.scandir

    def refusing(folder: str) -> Any:  # root, who runs some tests, is refused nothing
        if folder.endswith("lost+found"):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(sources.os, "scandir", refusing)
    listing = Listing([str(place)], place / "out")
    assert [Path(source.address).name for source in listing] == ["a.jpg", "c.jpg"]
    reason = f"folder that cannot be listed: {place}/lost+found (Permission denied)"
    assert listing.left_out == {reason: 1}
    with pytest.raises(FerError, match=r"cannot list .*lost\+found: Permission denied"):
        names(place / "lost+found")  # whoever names it means it


def test_patterns_lists_and_single_files_are_words_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(touched(tmp_path, "a.jpg", "b/c.png", "b/d.mp4", "odd.dat"))
    assert names("b/*.png", "a.jpg") == ["a.jpg", "c.png"]
    assert names("**/*.*") == ["a.jpg", "c.png", "d.mp4"]
    Path("list.txt").write_text(f"a.jpg\n\n{tmp_path}/b/c.png\ngone.jpg\nhttp://x.y/z.jpg?v=1\n")
    assert names("list.txt") == ["a.jpg", "c.png", "gone.jpg", "z.jpg?v=1"]
    assert names("odd.dat") == ["odd.dat"]  # whoever names a file means it


def test_a_pattern_leaves_out_the_results(tmp_path: Path) -> None:
    place = touched(tmp_path, "a.png", "found/summary.png", "found/faces/b.png", "founder/c.png")
    everything = place / "**/*.png"
    assert names(everything, without=place / "found") == ["a.png", "c.png"]
    assert names(everything) == ["a.png", "b.png", "c.png", "summary.png"]
    with pytest.raises(FerError, match="nothing matches"):
        names(place / "found/*.png", without=place / "found")


def test_a_list_of_windows_has_a_mark_and_other_line_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(touched(tmp_path, "a.jpg", "b.jpg"))
    Path("list.txt").write_bytes(b"\xef\xbb\xbfa.jpg\r\n\r\nb.jpg\r\n")
    assert [source.address for source in Listing(["list.txt"], Path("out"))] == [
        str(tmp_path / "a.jpg"),
        str(tmp_path / "b.jpg"),
    ]


@pytest.mark.parametrize("word", ["gone.jpg", "gone/*.jpg", "gone"])
def test_a_word_that_names_nothing_is_refused(tmp_path: Path, word: str) -> None:
    with pytest.raises(FerError, match=r"there is no|nothing matches"):
        names(tmp_path / word)


def test_a_source_has_one_address_however_it_is_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(touched(tmp_path, "real/a.jpg"))
    Path("link").symlink_to("real")
    words = full_words(["real", "link", "./real/../real/a.jpg", "link/*.jpg"])
    addresses = {source.address for source in Listing(words, tmp_path / "out")}
    assert addresses == {str((tmp_path / "real/a.jpg").resolve())}


def test_names_that_are_no_utf_8_survive_the_plan(tmp_path: Path) -> None:
    name = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    plan = Plan(tmp_path / "plan")
    plan.extend([Source(f"/{name}")], ["x"])
    assert held(plan) == [Source(f"/{name}")]


def test_repeated_keys_are_found_across_plans_and_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_BUCKET", 7)
    monkeypatch.setattr(keys, "_CHUNK", 5)
    table = [Source(f"/{index}.jpg", "1") for index in range(40)]
    changed = Source("/3.jpg", "2")
    old, new = table[:20], [*table[15:30], changed, table[22]]

    def as_keys(sources: list[Source]) -> keys.Keys:
        return np.frombuffer(b"".join(map(key_of, sources)), np.uint64).reshape(-1, 3)

    repeated, differ = find_repeated(as_keys(new), [as_keys(old[:4]), as_keys(old[4:])])
    assert repeated.tolist() == [0, 1, 2, 3, 4, 15, 16]
    assert differ == 1


def test_a_plan_counts_each_source_once_and_cuts_videos_out(tmp_path: Path) -> None:
    plan = Plan(tmp_path / "plan")
    sources = [*listed(5), Source("/v.mp4"), *listed(2, "q"), *listed(5)]
    added = plan.extend(sources, ["x"], most=3)
    assert (added.new, added.repeated, plan.total) == (8, 5, 8)
    again = Plan(tmp_path / "plan")
    sizes = [(piece.first, len(piece.sources)) for piece in again.pieces({})]
    assert sizes == [(0, 3), (3, 2), (5, 1), (6, 2)]
    assert held(again) == [*listed(5), Source("/v.mp4"), *listed(2, "q")]


def test_what_is_synced_is_open_for_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows refuses to sync a file that is open for reading alone."""
    fcntl = pytest.importorskip("fcntl")

    def fsync_of_windows(descriptor: int) -> None:
        if not fcntl.fcntl(descriptor, fcntl.F_GETFL) & (os.O_WRONLY | os.O_RDWR):
            raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr(os, "fsync", fsync_of_windows)
    plan = Plan(tmp_path / "plan")
    plan.extend(listed(3), ["x"])
    assert held(plan) == listed(3)


def test_a_plan_grows_by_what_is_new(tmp_path: Path) -> None:
    plan = Plan(tmp_path / "plan")
    plan.extend(listed(4), ["x"], most=10)
    added = plan.extend([*listed(6), Source("/p0.jpg", "other")], ["x"], most=10)
    assert (added.new, added.repeated, added.changed) == (2, 5, 1)
    assert held(Plan(tmp_path / "plan")) == listed(6)
    assert [piece.first for piece in plan.pieces({0: 4})] == [4]


def test_what_is_done_is_not_read_again_also_in_halves(tmp_path: Path) -> None:
    plan = Plan(tmp_path / "plan")
    plan.extend(listed(20), ["x"], most=10)
    open_ = [(each.first, len(each.sources)) for each in plan.pieces({0: 10, 10: 2, 15: 1})]
    assert open_ == [(12, 3), (16, 4)]
    assert held(plan, {0: 10, 10: 10}) == []


def test_a_listing_that_fails_leaves_the_plan_as_it_was(tmp_path: Path) -> None:
    def failing() -> Iterator[Source]:
        yield Source("/a.jpg")
        raise FerError("cannot list /there")

    plan = Plan(tmp_path / "plan")
    plan.extend(listed(3), ["x"])
    with pytest.raises(FerError, match="cannot list"):
        plan.extend(failing(), ["y"])
    (tmp_path / "plan" / ".new-killed").mkdir()
    again = Plan(tmp_path / "plan")
    assert (again.total, again.words) == (3, ["x"])
    again.extend(listed(3), ["x"])
    assert [each.name for each in (tmp_path / "plan").iterdir()] == ["0000"]


def shard(out: Path, first: int, count: int, content: bytes = b"12345") -> Path:
    file = shard_file(out, first, count)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def test_a_shard_is_named_by_its_range(tmp_path: Path) -> None:
    assert shard_range(shard_file(tmp_path, 3_000_042, 200)) == (3_000_042, 200)


def test_a_manifest_remembers_and_forgets_a_torn_line(
    tmp_path: Path, open_manifest: Callable[[], Manifest]
) -> None:
    shard(tmp_path, 0, 3)
    manifest = open_manifest()
    manifest.append(Result(0, 3, 3, 2, 1, 5))
    manifest.append(Result(3, 2, errors=(("/caf\udce9", "gone"),)))
    with (tmp_path / "manifest.jsonl").open("ab") as file:
        file.write(b'{"first": 5, "cou')
    again = open_manifest()
    assert again.done() == {0: 3, 3: 2}
    assert again.done(again=True) == {0: 3}
    assert (again.sources, again.faces, again.errors) == (5, 2, 1)
    again.append(Result(3, 2, 2, 0, 2))
    assert [each.errors for each in again.results()] == [(), ()]
    assert (again.sources, again.errors) == (5, 0)


def test_a_newer_line_replaces_all_that_it_overlaps(
    tmp_path: Path, open_manifest: Callable[[], Manifest]
) -> None:
    gone = (("/x", "gone"),)
    manifest = open_manifest()
    shard(tmp_path, 10, 10)
    for result in (
        Result(0, 10, errors=gone),
        Result(10, 10, faces=3, size=5, errors=gone),
        Result(20, 10),
        Result(0, 20),  # the halves of a piece, read together once more
        Result(25, 5),  # half of a piece: the other half was not read any more
    ):
        manifest.append(result)
    assert not shard_file(tmp_path, 10, 10).exists()
    for each in (manifest, open_manifest()):
        assert each.done() == {0: 20, 25: 5}
        assert (each.sources, each.faces, each.errors) == (25, 0, 0)
        assert [(result.first, result.count) for result in each.results()] == [(0, 20), (25, 5)]


def test_a_newer_line_without_its_shard_does_not_bring_an_older_one_back(
    tmp_path: Path, open_manifest: Callable[[], Manifest]
) -> None:
    manifest = open_manifest()
    manifest.append(Result(0, 10, errors=(("/x", "gone"),)))
    shard(tmp_path, 0, 10)
    manifest.append(Result(0, 10, faces=3, size=5))
    shard(tmp_path, 0, 10, b"of a run that was killed before its line")
    assert open_manifest().done() == {}


def test_a_manifest_that_is_damaged_in_the_middle_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "manifest.jsonl"
    file.write_text('{"first": 0, "count": 3, "errors": []}\nrubbish\n{"first": 3}\n')
    with pytest.raises(FerError, match=r"damaged at byte 39: cut it off there \(truncate"):
        Manifest(tmp_path)


def test_a_line_whose_shard_is_not_whole_does_not_count(
    tmp_path: Path, open_manifest: Callable[[], Manifest]
) -> None:
    manifest = open_manifest()
    whole, short, stray = shard(tmp_path, 0, 3), shard(tmp_path, 3, 2), shard(tmp_path, 5, 1)
    for first, count in ((0, 3), (3, 2)):
        manifest.append(Result(first, count, size=5, faces=1))
    short.write_bytes(b"123")
    again = open_manifest()
    assert again.done() == {0: 3}
    again.remove_other_shards()
    assert whole.exists()
    assert not short.exists()
    assert not stray.exists()


def test_a_manifest_says_that_the_disk_is_full(
    tmp_path: Path, open_manifest: Callable[[], Manifest]
) -> None:
    manifest = open_manifest()
    with (
        mock.patch.object(manifest, "_append", mock.Mock(write=lambda line: 3, seek=lambda *_: 0)),
        pytest.raises(FerError, match=r"cannot write .*manifest.jsonl: No space left"),
    ):
        manifest.append(Result(0, 1))
    assert manifest.sources == 0


@dataclass
class FakePool:
    """Reads two pieces at a time; a worker dies at sources that are named so often."""

    deaths: dict[str, int]
    workers: int = 2
    flying: list[Piece] = field(default_factory=list)
    tried: list[tuple[int, int]] = field(default_factory=list)

    @property
    def has_room(self) -> bool:
        return len(self.flying) < 2

    @property
    def is_busy(self) -> bool:
        return bool(self.flying)

    def submit(self, piece: Piece) -> None:
        self.flying.append(piece)

    def outcomes(self, seconds: float) -> list[Result | Death]:
        piece = self.flying.pop(0)
        self.tried.append((piece.first, len(piece.sources)))
        for source in piece.sources:
            if self.deaths.get(source.address, 0):
                self.deaths[source.address] -= 1
                return [Death(piece, "its process died (SIGKILL)")]
        return [Result(piece.first, len(piece.sources))]

    def close(self) -> None:
        pass


def read(
    tmp_path: Path, open_manifest: Callable[[], Manifest], deaths: dict[str, int]
) -> tuple[FakePool, Manifest]:
    plan, pool, manifest = Plan(tmp_path / "plan"), FakePool(deaths), open_manifest()
    plan.extend(listed(16), ["x"], most=8)
    read_pieces(plan.pieces({}), 16, pool, manifest, quiet_progress(), threading.Event())
    return pool, manifest


def test_a_source_that_kills_its_workers_is_an_error_and_no_other_one(
    tmp_path: Path, open_manifest: Callable[[], Manifest]
) -> None:
    pool, manifest = read(tmp_path, open_manifest, {"/p5.jpg": 99})
    assert [each.errors for each in manifest.results() if each.errors] == [
        (("/p5.jpg", "its process died (SIGKILL)"),)
    ]
    counted = [n for first, count in manifest.done().items() for n in range(first, first + count)]
    assert sorted(counted) == list(range(16))
    assert pool.tried.count((5, 1)) == 2


def test_a_worker_that_is_killed_by_chance_costs_no_source(
    tmp_path: Path, open_manifest: Callable[[], Manifest]
) -> None:
    _, manifest = read(tmp_path, open_manifest, {"/p5.jpg": 4, "/p12.jpg": 1})
    assert (manifest.sources, manifest.errors) == (16, 0)


def test_errors_that_are_read_again_in_other_pieces_stay_counted_once(
    tmp_path: Path, open_manifest: Callable[[], Manifest]
) -> None:
    plan, manifest = Plan(tmp_path / "plan"), open_manifest()
    plan.extend(listed(8), ["x"], most=8)
    manifest.append(Result(0, 8, errors=(("/p0.jpg", "gone"),)))
    pool, stop = FakePool({"/p1.jpg": 2}), mock.Mock(is_set=mock.Mock(side_effect=[0, 0, 0, 1]))
    open_ = plan.pieces(manifest.done(again=True))
    read_pieces(open_, 8, pool, manifest, quiet_progress(), stop)  # the second half is read
    assert sum(manifest.done().values()) == manifest.sources == 4
    left = plan.pieces(manifest.done())
    read_pieces(left, 4, pool, manifest, quiet_progress(), threading.Event())
    assert (manifest.done(), manifest.errors) == ({0: 4, 4: 4}, 0)


def test_the_last_pieces_are_small_so_that_all_workers_end_together(
    tmp_path: Path, open_manifest: Callable[[], Manifest]
) -> None:
    plan, pool, manifest = Plan(tmp_path / "plan"), FakePool({}), open_manifest()
    plan.extend(listed(1000), ["x"], most=200)
    read_pieces(plan.pieces({}), 1000, pool, manifest, quiet_progress(), threading.Event())
    sizes = [count for _, count in sorted(pool.tried)]
    assert (sum(sizes), sizes[:2], max(sizes[-3:])) == (1000, [200, 200], 20)
    busy = [0, 0]  # two workers, each of which takes the next piece when it has none
    for size in sizes:
        busy[busy.index(min(busy))] += size
    assert max(busy) - min(busy) <= 20


def test_progress_says_rate_and_time_left() -> None:
    now, lines = [0.0], list[str]()
    progress = Progress(1000, 100, lines.append, lambda: now[0])
    for now[0], done in ((5, 50), (11, 110), (12, 120), (30, 300)):
        progress.tell(done)
    assert lines == [
        "210 of 1,000 sources, 10.0/s, 1 min 19 s left",
        "400 of 1,000 sources, 10.0/s, 1 min 00 s left",
    ]
    assert [duration(n) for n in (59, 11_220, 100_000)] == ["59 s", "3 h 07 min", "1 d 03 h"]


@pytest.mark.parametrize(
    ("text", "seconds"), [("0.5s", 0.5), ("2", 2), ("500ms", 0.5), (".25 s", 0.25)]
)
def test_every_is_a_time(text: str, seconds: float) -> None:
    assert read_every(text) == seconds


@pytest.mark.parametrize("text", ["", "0s", "-1", "1h", "nan", "1e9"])
def test_every_refuses_what_is_no_time(text: str) -> None:
    with pytest.raises(ArgumentError, match=r"--every must be a time such as 0\.5s"):
        read_every(text)


@pytest.mark.parametrize("on", ["locale", "local:", "local:x", "local:0", "rayon", "ray:x", "http"])
def test_a_wrong_on_is_refused(on: str) -> None:
    with pytest.raises(ArgumentError, match="--on"):
        make_pool(on, Nothing(), lambda line: None)


def test_a_folder_of_other_settings_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "faces"
    prepare(out, "fer-nano", "haar", 1.0)
    prepare(out, "fer-nano", "HAAR", 1.0)
    for change in (("fer-small", "haar", 1.0), ("fer-nano", "haar", 0.5)):
        with pytest.raises(FerError, match=r"was made with (model|every) .* Choose another --out"):
            prepare(out, *change)
    shipped = load_model("fer-nano")
    for mended in ({"labels": shipped.manifest.labels[::-1]}, {"input": InputSpec(margin=0.2)}):
        bundle = replace(shipped, manifest=replace(shipped.manifest, **mended))
        bundle.save(tmp_path / "mended.tflite")
        with pytest.raises(
            FerError, match=r"made with other labels, or another input, of fer-nano"
        ):
            prepare(out, str(tmp_path / "mended.tflite"), "haar", 1.0)
    other = touched(tmp_path / "other", "mine.txt")
    with pytest.raises(FerError, match="holds other files"):
        prepare(other, "fer-nano", "haar", 1.0)
    with alone_in(out, "fer-edge score"), pytest.raises(FerError) as said:
        prepare(out, "fer-nano", "haar", 1.0)
    assert "is writing into" in str(said.value)
    assert said.value.see == "folder-in-use"
    (out / "settings.json").write_text(json.dumps({"model": 3}))
    with pytest.raises(FerError, match=r"cannot read .*settings\.json"):
        prepare(out, "fer-nano", "haar", 1.0)


def test_a_folder_that_was_begun_by_a_killed_run_gets_the_network_that_is_asked_for(
    tmp_path: Path,
) -> None:
    prepare(tmp_path, "fer-nano", "haar", 1.0)
    (tmp_path / "settings.json").unlink()
    (tmp_path / ".model.tflite.unfinished").touch()
    prepare(tmp_path, "fer-small", "haar", 1.0)
    assert ModelFacts.of(ModelBundle.load(tmp_path / "model.tflite")).name == "fer-small-int8"


def test_a_summary_changes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare(out, "fer-nano", "haar", 1.0)
    assert summarize(out).title == "0 sources, 0 frames, 0 faces"
    Plan(out / "plan").extend(listed(5), ["x"])
    (out / "plan" / ".new-of-a-run").mkdir()
    line = b'{"first": 0, "count": 3, "errors": []}\n'
    (out / "manifest.jsonl").write_bytes(line + b'{"first": 3, "cou')
    before = {each: each.is_dir() or each.read_bytes() for each in out.rglob("*")}
    assert summarize(out).title == "3 of 5 sources, 0 frames, 0 faces"
    assert {each: each.is_dir() or each.read_bytes() for each in out.rglob("*")} == before
    with pytest.raises(FerError, match="holds no results"):
        summarize(tmp_path / "typo")
    assert not (tmp_path / "typo").exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["x.jpg"], 2, "say where the results go: --out FACES"),
        (["--out", "F"], 2, "say what to read"),
        (["gone.jpg", "--out", "F"], 1, "there is no"),
        (["--out", "F", "--piece", "0"], 2, "--piece must lie in 1 to 100000"),
        (["x.jpg", "--out", "F", "--on", "local:0"], 2, "--on local:N takes 1 to 1024"),
        (["--out", "F", "--summary"], 1, "F holds no results of fer-edge score"),
        (["--out", "F", "--every", "soon"], 2, "--every must be a time"),
        (["--out", "F", "--detector", "hare"], 2, "did you mean haar"),
    ],
)
def test_wrong_words_are_explained(tmp_path: Path, words: list[str], code: int, said: str) -> None:
    assert said in call_here("fer-edge", "score", *words, cwd=tmp_path, code=code).stderr


def test_a_head_that_does_not_answer_ends_a_run_before_it_lists(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    request = Request((str(tmp_path / "a.jpg"),), tmp_path, "ray://127.0.0.1:9")
    with pytest.raises(FerError, match=r"no Ray answers at 127.0.0.1:9|needs Ray"):
        score(request, Nothing(), threading.Event(), lambda line: None)
    assert Plan(tmp_path / "plan").total == 0


def test_ctrl_c_while_sources_are_listed_ends_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: Listing) -> Iterator[Source]:
        signal.raise_signal(signal.SIGINT)
        yield from listed(3)

    monkeypatch.setattr(Listing, "__iter__", interrupted)
    place = touched(tmp_path / "in", "a.jpg")
    with pytest.raises(KeyboardInterrupt):
        cli.score([str(place)], tmp_path / "out", on="local:1", quiet=True)
    assert Plan(tmp_path / "out" / "plan").total == 0


def test_stop_ends_a_run_and_the_next_one_goes_on_without_listing(tmp_path: Path) -> None:
    place, out, stop = (
        touched(tmp_path / "in", "a.jpg", "b.jpg"),
        tmp_path / "out",
        threading.Event(),
    )
    out.mkdir()
    request, lines = Request((str(place),), out, "local:1", 1), list[str]()
    stop.set()
    assert score(request, Nothing(), stop, lines.append).done == 0
    touched(place, "c.jpg")
    outcome = score(request, Nothing(), threading.Event(), lines.append)
    assert (outcome.done, outcome.total) == (2, 2)  # planned before c was there
    assert "2 of 2 sources to read" in lines
    outcome = score(request, Nothing(), threading.Event(), lines.append)
    assert (outcome.done, outcome.total) == (3, 3)
    assert lines[-3:] == [
        "1 new source, 2 known",
        "1 worker on this computer",
        "1 of 3 sources to read",
    ]
