"""How many examples: few and always the same ones in the gate, many new ones where asked for.

EXAMPLES=5000 python -m pytest tests/properties      for a thorough run
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_MANY = int(os.environ.get("EXAMPLES", "0"))
_SHARED = settings(
    deadline=None,  # other work may be running
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile(
    "gate", _SHARED, max_examples=40, derandomize=True, stateful_step_count=25, database=None
)
settings.register_profile("long", _SHARED, max_examples=_MANY or 1, print_blob=True)
settings.load_profile("long" if _MANY else "gate")
