"""What the server reads beside what it shares with the function."""

from typing import Annotated, Literal

from pydantic import Field

from function.settings import Settings


class ServerSettings(Settings):
    """Every further variable of the server, by its lower-case name.

    backend: `torch` needs the packages of the GPU image; `auto` takes it where there is a GPU.
    precision: of torch on a GPU; `auto` picks what keeps labels the same.
    batch_tokens: padded tokens that the model reads at once; 0 fits the backend.
    batch_wait_ms: how long a batch waits for requests that are being tokenised.
    max_queue: windows of text that may wait, for whatever; what comes then is refused with 429.
    stop_seconds: after SIGTERM, how long requests may take that are under way.
    metrics_seconds: between two lines of the server's load, for CloudWatch; 0 writes none.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    backend: Literal["auto", "onnx", "torch"] = "auto"
    precision: Literal["auto", "float32", "float16", "bfloat16"] = "auto"
    batch_tokens: Annotated[int, Field(ge=0)] = 0
    batch_wait_ms: Annotated[float, Field(ge=0, le=1000)] = 2.0
    max_queue: Annotated[int, Field(ge=1)] = 1024
    stop_seconds: Annotated[int, Field(ge=1)] = 25
    metrics_seconds: Annotated[int, Field(ge=0)] = 0
