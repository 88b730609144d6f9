"""Which trials of a sweep are not worth their other epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optuna.pruners import BasePruner

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

KEPT = 3
"""Of so many trials that reach an epoch, one goes on."""


class BestThird(BasePruner):
    """Asynchronous successive halving (ASHA; Li et al., 2020) at epochs that the user gives.

    A trial goes on where it is among the best third of those that reached the same epoch so far;
    of one or two, the better one. It waits for no other trial.
    """

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Return whether a trial ends at the epoch that it reported last."""
        epoch = trial.last_step
        if epoch is None:
            return False
        others = study.get_trials(deepcopy=False)
        reached = [each.intermediate_values.get(epoch) for each in others]
        accuracies = sorted((each for each in reached if each is not None), reverse=True)
        kept = max(1, len(accuracies) // KEPT)
        return trial.intermediate_values[epoch] < accuracies[:kept][-1]
