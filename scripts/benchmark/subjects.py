"""Programs that are timed from outside, each in a fresh process.

`python -m scripts.benchmark.subjects NAME ARGUMENT`, and `create_baseline` for uvicorn. The imports
of a program are part of its time: they stand inside of it, and outside nothing is imported that
every interpreter has not loaded already.
"""

import sys

TYPE_CHECKING = False  # that of `typing` would be one import more
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from fastapi import FastAPI
    from transformers import Pipeline

TEXT = "A warm and funny film."


def bare_runtime(folder: str) -> None:
    """Answer with ONNX Runtime and tokenizers alone: the least that any first answer costs."""
    import os

    import numpy as np

    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # as we do, so that neither pays for it
    import onnxruntime as ort
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
    tokenizer.no_padding()  # some files ask for 128 tokens, which would make this slow
    session = ort.InferenceSession(f"{folder}/model.onnx", providers=["CPUExecutionProvider"])
    ids = np.array([tokenizer.encode(TEXT).ids], dtype=np.int64)
    logits = session.run(["logits"], {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0]
    print("answered", int(logits.argmax()), flush=True)


def bare_handler(event: str) -> None:
    """Answer the event in a file with our handler: a fresh Lambda process without Lambda."""
    import json
    from pathlib import Path

    from function.lambda_handler import handler

    answer = handler(json.loads(Path(event).read_bytes()), None)
    if answer["statusCode"] != 200:
        sys.exit(f"the handler answered {answer}")
    print("answered", answer["statusCode"], flush=True)


def bare_pipeline(checkpoint: str) -> None:
    """Answer with a `transformers` pipeline."""
    classify = open_pipeline(checkpoint)
    print("answered", classify(TEXT)[0]["label"], flush=True)


def open_pipeline(checkpoint: str) -> "Callable[[str], list[dict[str, Any]]]":
    """Return a classifier of one text, best label first, on CPU, in full precision.

    Torch takes the threads that it likes.
    """
    classify = load_pipeline(checkpoint, "cpu", "float32")
    # A list goes in because a lone text comes back in a shape of its own.
    return lambda text: classify([text])[0]


def load_pipeline(checkpoint: str, device: str, precision: str) -> "Pipeline":
    """Return a text classifier that scores all labels, as the library's documentation has it.

    `precision` is torch's name of a type.
    """
    import torch
    from transformers import pipeline

    return pipeline(
        "text-classification",
        model=checkpoint,
        top_k=None,
        truncation=True,
        device=device,
        dtype=getattr(torch, precision),
    )


def create_baseline() -> "FastAPI":
    """Return the baseline: a plain pipeline in the shortest FastAPI application there is.

    For `uvicorn --factory`, with CHECKPOINT in the environment.
    """
    import os

    from fastapi import FastAPI
    from pydantic import BaseModel
    from typing_extensions import TypedDict

    class Body(BaseModel):
        """One text; what else a client sends is ignored."""

        inputs: str

    class Score(TypedDict):
        """One label of an answer."""

        label: str
        score: float

    classify = open_pipeline(os.environ["CHECKPOINT"])
    app = FastAPI()

    # One text at a time, on all cores: a pipeline is not made for several threads at once (its
    # tokenizer raises "Already borrowed"), and on a CPU they would only fight over the cores.
    @app.post("/predict", response_model=list[Score])
    async def predict(body: Body) -> "list[dict[str, Any]]":
        return classify(body.inputs)

    return app


def serve_echo(port: str) -> None:
    """Serve the same answer to every request, to see how often the load generator can ask."""
    import asyncio

    from httptools import HttpRequestParser

    from scripts.common.processes import LOOPBACK

    body = b'[{"label":"POSITIVE","score":0.9987},{"label":"NEGATIVE","score":0.0013}]'
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    answer = head % len(body) + body

    class Echo(asyncio.Protocol):
        """One connection."""

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self._transport, self._parser = transport, HttpRequestParser(self)

        def data_received(self, data: bytes) -> None:
            self._parser.feed_data(data)

        def on_message_complete(self) -> None:
            self._transport.write(answer)  # type: ignore[attr-defined]

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(Echo, LOOPBACK, int(port))
        await server.serve_forever()

    asyncio.run(serve())


if __name__ == "__main__":
    programs = (bare_runtime, bare_handler, bare_pipeline, serve_echo)
    {program.__name__: program for program in programs}[sys.argv[1]](sys.argv[2])
