"""The guided fuzzer ends when it was told to: libFuzzer knows whole seconds, and 0 is no limit."""

import pytest

from fuzz.guided import limits, read_options


@pytest.mark.parametrize(
    ("words", "limit"),
    [
        ("", {"runs": -1, "max_total_time": 10}),
        ("--seconds 0.5", {"runs": -1, "max_total_time": 1}),
        ("--seconds 2", {"runs": -1, "max_total_time": 2}),
        ("--seconds 2 --runs 5", {"runs": 5, "max_total_time": 0}),
    ],
)
def test_the_limits_are_those_of_the_command_line(words: str, limit: dict[str, int]) -> None:
    assert limits(read_options(words.split())) == limit


@pytest.mark.parametrize("seconds", ["0", "-1", "inf", "nan"])
def test_no_limit_is_refused(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read_options(["--seconds", seconds])
    assert "--seconds must be more than 0" in capsys.readouterr().err
