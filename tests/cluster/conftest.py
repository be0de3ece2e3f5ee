"""What pytest must know of the kits beside it: tests in folders below find them, and their asserts say what was."""

import pytest

pytest.register_assert_rewrite("cluster_kit", "env_kit", "memory_kit", "ray_kit", "run_kit")
