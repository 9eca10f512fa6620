"""Two cores are shared, and models this small are slower on both."""

import logging
from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(scope="package", autouse=True)
def quiet() -> Iterator[None]:
    """torch logs more than it computes while it exports."""
    logging.getLogger("torch").setLevel(logging.ERROR)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
