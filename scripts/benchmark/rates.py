"""Jobs of `worker.py` that measure rates: texts a second of one process, and a card's own."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import chain, product
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from function.core.artifact import Artifact
    from function.core.backend import Backend
    from function.core.tokenization import LongText, TokenIds

Item = TypeVar("Item")
Job = Mapping[str, Any]
Prepare = Callable[[Sequence[Item]], Callable[[], None]]

MATRIX_REPEATS, MATRIX_TRIES = 20, 5


def pipeline_rates(job: Job) -> dict[str, float]:
    """Return texts a second of the plain pipeline, given all texts at once, on any device.

    Texts are sorted by length, as suits it best: it pads those of a batch to the longest. The job
    has `checkpoint`, `texts`, `device`, `parts`, and what is tried in all combinations:
    `precisions`, `batches`, `workers`, which are processes that tokenise.
    """
    from scripts.benchmark.subjects import load_pipeline

    texts = sorted(job["texts"], key=len)
    found: dict[str, float] = {}
    for precision in job["precisions"]:
        classify = load_pipeline(job["checkpoint"], job["device"], precision)
        ways = {}
        for size, workers in product(job["batches"], job["workers"]):
            classify(texts[-size:], batch_size=size)  # chooses kernels and takes memory
            name = f"{size} text{'s' * (size > 1)}, {precision}"
            name += f", {workers} tokenising processes" if workers else ""
            call = partial(classify, batch_size=size, num_workers=workers)
            ways[name] = partial(partial, call)  # takes texts, and returns the call on them
        found |= interleaved_rates(ways, texts, job["parts"])
    return found


def backend(job: Job) -> Callable[[Job], dict[str, float]]:
    """Return a function that measures texts a second of the session alone, over ready tokens.

    It takes `batches`, the texts to read as `start` and `step`, and `parts`. The job has `model`,
    `threads`, `texts`, and `whole`: whether all windows of a text are read, or the first alone.
    """
    from function.backends.onnx_backend import OnnxBackend
    from function.core.artifact import open_artifact
    from function.core.backend import pad

    artifact = open_artifact(Path(job["model"]))
    tokens = Tokens(artifact)
    texts = [tokens.whole(text) if job["whole"] else [tokens.of(text)] for text in job["texts"]]
    session = OnnxBackend(artifact, job["threads"])
    session.run(*pad(sorted(chain.from_iterable(texts), key=len)[-2:], tokens.pad_id))

    def rates(asked: Job) -> dict[str, float]:
        chosen = texts[asked["start"] :: asked["step"]]
        windows = sorted(chain.from_iterable(chosen), key=len)
        ways = {name: partial(_reading, session, tokens.pad_id, name) for name in asked["batches"]}
        found = interleaved_rates(ways, windows, asked["parts"])
        return {name: rate * len(chosen) / len(windows) for name, rate in found.items()}

    return rates


def torch_rates(job: Job) -> dict[str, Any]:
    """Return texts a second of the torch backend alone, its precision, and tokens of each text.

    The job has `model`, `texts`, `device`, `precision`, `batches`, `parts`.
    """
    from function.backends.torch_backend import TorchBackend
    from function.core.artifact import open_artifact

    artifact = open_artifact(Path(job["model"]))
    tokens = Tokens(artifact)
    windows = sorted((tokens.of(text) for text in job["texts"]), key=len)
    model = TorchBackend(artifact, device=job["device"], precision=job["precision"])
    ways = {batch: partial(_reading, model, tokens.pad_id, batch) for batch in job["batches"]}
    for prepare in ways.values():
        prepare(windows)()  # chooses kernels and takes memory
    rates = interleaved_rates(ways, windows, job["parts"])
    return {"precision": model.precision, "rates": rates, "tokens": [len(w) for w in windows]}


def _reading(
    backend: "Backend", pad_id: int, batch: str, windows: "Sequence[TokenIds]"
) -> Callable[[], None]:
    """Return the work of reading all windows in batches, which are padded already."""
    from function.core.backend import pad

    ready = [pad(chosen, pad_id) for chosen in batch_windows(windows, batch)]

    def read() -> None:
        for input_ids, attention_mask in ready:
            backend.run(input_ids, attention_mask)

    return read


def batch_windows(windows: "Sequence[TokenIds]", batch: str) -> "list[list[TokenIds]]":
    """Return neighbours of a row that is sorted from short to long.

    `batch` is "4 texts" at most, or as many as take "512 tokens", padding included.
    """
    most, unit = int(batch.split()[0]), batch.split()[1]
    batches: list[list[TokenIds]] = []
    for window in windows:
        size = 1 + len(batches[-1]) if batches else 1
        cost = size * len(window) if unit == "tokens" else size
        if batches and cost <= most:
            batches[-1].append(window)
        else:
            batches.append([window])
    return batches


def interleaved_rates(
    ways: Mapping[str, Prepare[Item]], items: Sequence[Item], parts: int
) -> dict[str, float]:
    """Return items a second of each way; all take turns, so that the machine treats them alike.

    A way takes items and returns the work that is timed. Of `parts` turns, turn k has items k, k +
    parts, k + 2 parts, ..., so that those of a sorted row are alike.
    """
    seconds = dict.fromkeys(ways, 0.0)
    for part in range(parts):
        for name, prepare in ways.items():
            work = prepare(items[part::parts])
            begun = time.perf_counter()
            work()
            seconds[name] += time.perf_counter() - begun
    return {name: len(items) / spent for name, spent in seconds.items()}


class Tokens:
    """The tokens that the model reads of a text."""

    def __init__(self, artifact: "Artifact") -> None:
        from function.core.tokenization import TextTokenizer

        self._tokenizer = TextTokenizer(artifact.file("tokenizer"))
        self._settings = artifact.manifest.tokenization
        self.pad_id = self._tokenizer.pad_id

    def of(self, text: str) -> "TokenIds":
        """Return the one window that a truncated text is."""
        return self._windows(text, "truncate")[0]

    def whole(self, text: str) -> "list[TokenIds]":
        """Return the windows in which the artifact has a text read."""
        return self._windows(text, None)

    def _windows(self, text: str, long_text: "LongText | None") -> "list[TokenIds]":
        from function.core.types import Options
        from function.core.windows import cut_text

        encoded = self._tokenizer.encode([text])[0]
        options = Options(long_text=long_text)
        return cut_text(encoded, self._tokenizer, self._settings, options, None).windows


def matrix_rate(job: Job) -> dict[str, Any]:
    """Return the name of torch's device, and operations a second of bfloat16 matrix products.

    Both are None if torch has no such device. A product of two (size, size) matrices is 2 size³
    operations; the rate is the median of some tries. The job has `device` and `size`.
    """
    import platform
    import statistics

    import torch

    device, size = job["device"], job["size"]
    on_gpu = device == "cuda"
    if on_gpu and not torch.cuda.is_available():
        return {"card": None, "rate": None}
    left, right = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    out = torch.empty_like(left)
    tries = []
    for attempt in range(1 + MATRIX_TRIES):
        begun = time.perf_counter()
        for _ in range(MATRIX_REPEATS):
            torch.matmul(left, right, out=out)
        if on_gpu:
            torch.cuda.synchronize()
        if attempt:  # the first chooses a kernel
            tries.append(2 * size**3 * MATRIX_REPEATS / (time.perf_counter() - begun))
    card = torch.cuda.get_device_name() if on_gpu else platform.machine()
    return {"card": card, "rate": statistics.median(tries)}
