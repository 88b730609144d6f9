import pytest

from fer_edge.outputs.mqtt.steadiness import LONGEST_WAIT_SECONDS, Steadiness


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_connections_that_end_at_once_are_said_once_and_made_less_often() -> None:
    clock = Clock()
    steadiness, said, waits = Steadiness(clock), [], []
    for _ in range(12):
        steadiness.connected()
        clock.now += 1
        said.append(steadiness.lost())
        waits.append(steadiness.wait_seconds)
    assert said == [False, False, True] + [False] * 9
    assert waits[:5] == [1, 1, 2, 4, 8]
    assert waits[-1] == LONGEST_WAIT_SECONDS
    assert steadiness.is_flapping


def test_a_connection_that_lasts_makes_good_what_was() -> None:
    clock = Clock()
    steadiness = Steadiness(clock)
    for _ in range(4):
        steadiness.connected()
        steadiness.lost()
    steadiness.connected()
    assert not steadiness.settled()
    clock.now += 31
    assert steadiness.settled()
    assert not steadiness.settled()  # said once
    assert not steadiness.is_flapping
    assert steadiness.wait_seconds == 1
    assert not steadiness.lost()


@pytest.mark.parametrize("seconds", [31, 3600])
def test_outages_after_good_hours_are_no_flapping(seconds: float) -> None:
    clock = Clock()
    steadiness = Steadiness(clock)
    for _ in range(10):
        steadiness.connected()
        clock.now += seconds
        assert not steadiness.lost()
    assert not steadiness.is_flapping
