"""The baseline behind HTTP: a plain pipeline in the shortest FastAPI application.

Run as `uvicorn --factory scripts.benchmark.baseline:create_app`, with CHECKPOINT in the
environment.
"""

import os

from fastapi import FastAPI
from pydantic import BaseModel

from scripts.benchmark.plain_pipeline import Score, open_pipeline


class Body(BaseModel):
    """One text; what else a client sends is ignored."""

    inputs: str


def create_app() -> FastAPI:
    """Load the checkpoint, then serve it."""
    classify = open_pipeline(os.environ["CHECKPOINT"])
    app = FastAPI()

    # One text at a time, on all cores: a pipeline is not made for several threads at once (its
    # tokenizer raises "Already borrowed"), and on a CPU they would only fight over the cores.
    @app.post("/predict")
    async def predict(body: Body) -> list[Score]:
        return classify(body.inputs)

    return app
