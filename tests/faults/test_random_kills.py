"""A few kills of the command line; `make faults ARGS="--kills 100"` takes more, and its other moments."""

import itertools
import signal

import pytest

from tests.faults.killed_commands import Kill, KillingGround, kills

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> KillingGround:
    return KillingGround(tmp_path_factory.mktemp("ground"), ("update", "rollback"))


@pytest.mark.parametrize(
    "kill",
    [
        Kill("update", 0.6, 0.0, by_time=False),
        Kill("rollback", 0.99, 0.5, by_time=False),  # within the list of alias actions
    ],
    ids=str,
)
def test_after_a_kill_one_more_run_makes_all_right(ground: KillingGround, kill: Kill) -> None:
    assert ground.kill(kill).code == -signal.SIGKILL


def test_one_seed_draws_the_same_kills_each_time() -> None:
    first, again, other = (list(itertools.islice(kills(seed), 40)) for seed in (7, 7, 8))
    assert first == again != other
    assert {(k.moment, k.by_time) for k in first} >= {("promote", False), ("rollback", True)}
