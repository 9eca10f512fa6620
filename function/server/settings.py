"""Settings that only the server has."""

from typing import Annotated, Literal

from pydantic import Field

from function.settings import Settings


class ServerSettings(Settings):
    """Environment variables of the server, by lower-case name, besides those of `Settings`.

    Attributes:
        port: 0 picks a free one.
        backend: `torch` needs the packages of the GPU image; `auto` uses it if there is a GPU.
        precision: Precision of torch on a GPU; `auto` picks one that keeps labels the same.
        batch_tokens: Limit on the padded tokens of a batch; 0 fits the backend.
        batch_wait_ms: Time that a batch waits for requests that are being tokenised.
        max_queue: Limit on the windows held by unfinished requests; others are refused with 429.
        max_connections: Limit on open connections; beyond it an idle one is closed, or 503.
        stop_seconds: Time that requests in progress may take after SIGTERM.
        metrics_seconds: Interval of the lines of the server's load, for CloudWatch; 0 writes none.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    backend: Literal["auto", "onnx", "torch"] = "auto"
    precision: Literal["auto", "float32", "float16", "bfloat16"] = "auto"
    batch_tokens: Annotated[int, Field(ge=0)] = 0
    batch_wait_ms: Annotated[float, Field(ge=0, le=1000)] = 2.0
    max_queue: Annotated[int, Field(ge=1)] = 1024
    max_connections: Annotated[int, Field(ge=1)] = 2048
    stop_seconds: Annotated[int, Field(ge=1)] = 25
    metrics_seconds: Annotated[int, Field(ge=0)] = 0
