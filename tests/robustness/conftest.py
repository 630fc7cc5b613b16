"""Parts of ``make hostile`` are tests too, but take minutes: without ``-m robustness`` they are left out."""

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "robustness" in config.getoption("markexpr"):
        return
    left_out = [item for item in items if item.get_closest_marker("robustness")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
