"""Just below a ceiling, at it and just above it: what each line of docs/limits.md is tried with."""

import pytest

around = pytest.mark.parametrize("more", [-1, 0, 1])
# Seconds before and after a time is over; in that very instant either side may be the first.
around_a_time = pytest.mark.parametrize("late", [-0.1, 0.1])
