"""Composition root of the server: uvicorn over the same application."""

import os
import sys
import threading

import uvicorn

from function.api.app import create_app
from function.api.observability import write_line
from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import Artifact
from function.core.catalog import Catalog
from function.core.engine import ThreadedEngine
from function.core.errors import EvergreenError
from function.settings import Settings, load_settings


def serve(settings: Settings) -> None:
    """Serve until a signal; the model loads while the probes already answer."""

    def load_backend(artifact: Artifact) -> OnnxBackend:
        return OnnxBackend(artifact, settings.threads)

    catalog = Catalog(
        settings.models_dir,
        settings.default_model,
        load_backend,
        max_windows=settings.limits.windows,
    )
    # Two at once: one fills the cores where the other waits for a lock or writes its answer.
    engine = ThreadedEngine(catalog, workers=2, queue=settings.limits.queue)
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(engine, settings, write_line),
            host=settings.host,
            port=settings.port,
            access_log=False,
            log_level=settings.log_level,
            server_header=False,
        )
    )
    loading = _Loading(catalog, server)
    loading.start()
    server.run()
    if loading.error:
        raise loading.error


class _Loading(threading.Thread):
    """Loads the default model; a server that cannot serve stops with the reason."""

    def __init__(self, catalog: Catalog, server: uvicorn.Server) -> None:
        super().__init__(daemon=True)
        self._catalog, self._server = catalog, server
        self.error: EvergreenError | None = None

    def run(self) -> None:
        try:
            self._catalog.load()
        except EvergreenError as error:
            self.error = error
            self._server.should_exit = True


def main() -> None:
    try:
        serve(load_settings(os.environ))
    except EvergreenError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
