"""The long part: `make test-cluster`."""

import pytest

pytest.register_assert_rewrite("long_kit")


def pytest_report_header() -> str:
    from long_kit import SEED, TIMES

    return f"cluster: each failure {TIMES} times, SYNTHKIT_CLUSTER_SEED={SEED}"
