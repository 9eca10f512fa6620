"""Composition root of the server: uvicorn, the batching engine, torch on a GPU."""

import asyncio
import logging
import os
import select
import signal
import socket
import sys
import threading
from functools import partial
from typing import NoReturn

import uvicorn

from function.api.app import create_app
from function.backends.choice import BackendChoice, DeviceBackend
from function.batching.batcher import BatchLimits
from function.batching.engine import BatchingEngine
from function.core.artifact import Artifact
from function.core.catalog import Catalog
from function.core.errors import EvergreenError, SettingsError
from function.core.predictor import Predictor
from function.server import logs
from function.server.disconnects import DisconnectMiddleware
from function.server.protocol import BoundedProtocol
from function.server.settings import ServerSettings
from function.server.signals import ServerSignals
from function.server.warm_up import try_out, warm_up
from function.settings import load_settings

LOG = logging.getLogger("evergreen")
BACKLOG = 2048
# Longer than a load balancer keeps an idle connection, 60 seconds on AWS. Otherwise it would send a
# request into a closing connection, and answer 502.
KEEP_ALIVE_SECONDS = 75
ROUNDS_TO_READ = 4  # of the event loop: it accepts a connection, listens to it, and reads
CALLS = 2  # one occupies the device while the other prepares its batch or returns its outputs
# On a CPU a call costs about as much as 16 tokens, and a batch beyond 512 tokens is no faster. On a
# GPU the kernel launches dominate: thousands of tokens take hardly longer than a few.
CPU_TOKENS, CPU_CALL_TOKENS = 512, 16
GPU_TOKENS, GPU_CALL_TOKENS = 65_536, 65_536


def serve(settings: ServerSettings) -> None:
    """Serve until a signal. Probes answer while the model loads."""
    listener = _listen(settings.host, settings.port)

    def open_torch(artifact: Artifact, device: str | None) -> DeviceBackend:
        from function.backends.torch_backend import TorchBackend  # seconds of import

        return TorchBackend(
            artifact, device=device, precision=settings.precision, threads=settings.threads
        )

    signals = ServerSignals(settings.service)
    choice = BackendChoice(settings.backend, open_torch, settings.threads)

    def limits_of(model: str) -> BatchLimits:
        tokens, call = (
            (GPU_TOKENS, GPU_CALL_TOKENS) if choice.on_gpu(model) else (CPU_TOKENS, CPU_CALL_TOKENS)
        )
        return BatchLimits(settings.batch_tokens or tokens, call, settings.batch_wait_ms / 1000)

    def prepare(predictor: Predictor) -> None:
        try_out(predictor)
        warm_up(predictor, limits_of(predictor.artifact.manifest.model).tokens)
        signals.add_model(predictor.artifact)

    async def report() -> None:
        signals.report()

    catalog = Catalog(
        settings.models_dir,
        settings.default_model,
        choice.open,
        max_windows=settings.limits.windows,
        max_seconds=settings.limits.seconds,
        most_loaded=settings.most_loaded,
        prepare=prepare,
    )
    engine = BatchingEngine(
        catalog,
        limits_of,
        calls=CALLS,
        queue=settings.max_queue,
        seconds=settings.limits.seconds,
        watch=signals.record_batch,
    )
    signals.attach(engine)
    app = create_app(
        engine,
        settings,
        signals.record_request,
        middleware=[DisconnectMiddleware],
        exposition=signals.exposition,
    )
    stopping = threading.Event()
    server = _Server(
        stopping,
        uvicorn.Config(
            app,
            http=partial(  # type: ignore[arg-type]
                BoundedProtocol,
                record=signals.record_request,
                most=settings.max_connections,
                stopping=stopping,
            ),
            ws="none",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=settings.stop_seconds,
            callback_notify=report if settings.metrics_seconds else None,
            timeout_notify=settings.metrics_seconds,
        ),
    )
    if settings.auth in ("iam", "jwt"):
        LOG.warning("AUTH=%s: this server asks for no key; a gateway has to", settings.auth)
    loading = _Loading(catalog, server)
    loading.start()
    LOG.info("listening on http://%s:%s", settings.host, listener.getsockname()[1])
    try:
        server.run([listener])
    finally:
        if settings.metrics_seconds:
            signals.report()
    if loading.error:
        raise loading.error


class _Server(uvicorn.Server):
    """Server that, on a signal, first reads what the kernel has accepted for it.

    A socket that is closed with connections or bytes unread resets them, and their clients get no
    answer.
    """

    def __init__(self, stopping: threading.Event, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stopping = stopping

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping.set()
        queue = select.poll()
        for listener in sockets or ():
            queue.register(listener, select.POLLIN)
        for _ in range(BACKLOG):
            for _ in range(ROUNDS_TO_READ):
                await asyncio.sleep(0)
            if not queue.poll(0):
                break
        await super().shutdown(sockets)


class _Loading(threading.Thread):
    """Thread that loads the default model, and stops the server with the reason if that fails."""

    def __init__(self, catalog: Catalog, server: uvicorn.Server) -> None:
        super().__init__(daemon=True)
        self._catalog, self._server = catalog, server
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self._catalog.load()
        except Exception as error:  # a thread would only print it, and the server wait for ever
            self.error = error
            self._server.should_exit = True


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise SettingsError(
            f"PORT: cannot listen on {host}:{port}: {error.strerror}; choose another"
        ) from error


def _stop(*_: object) -> NoReturn:
    """Exit with 0: uvicorn raises the signal again once it has drained."""
    sys.exit(0)


def main() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    try:
        settings = load_settings(ServerSettings, os.environ)
        logs.configure(settings.log_level)
        serve(settings)
    except EvergreenError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
