"""Models of one process: the default is loaded at start, others on first use."""

import math
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from threading import Lock
from time import monotonic

from function.core.artifact import Artifact, open_artifact, verify
from function.core.backend import Backend
from function.core.errors import ArtifactError, NotReadyError, UnknownModelError, shorten
from function.core.manifest import MANIFEST
from function.core.predictor import Predictor, load_predictor
from function.core.types import ModelInfo

LoadBackend = Callable[[Artifact], Backend]
RETRY_SECONDS = 30.0  # after a model could not be opened


class Catalog:
    """Models by name, one for each folder of a directory.

    `max_windows` limits the windows of one request.
    """

    def __init__(
        self,
        directory: Path,
        default: str,
        load_backend: LoadBackend,
        *,
        max_windows: int,
        max_seconds: float = math.inf,
        most_loaded: int = 4,
        trusted: bool = False,
        prepare: Callable[[Predictor], None] | None = None,
    ) -> None:
        """Read every manifest; load nothing yet.

        Args:
            directory: Directory with one folder per model.
            default: Name of the default model; if absent, the first by name is the default.
            load_backend: Opens an artifact's graph: the only difference between CPU and GPU.
            max_windows: Limit on the windows of one request.
            max_seconds: Limit on the estimated time of one request.
            most_loaded: Models in memory at once, at least two. One more unloads the least recently
                used one, but never the default; requests in progress keep it until they are done.
            trusted: Take files by their sizes, since something else proves their content.
            prepare: Called with a loaded model before it counts as ready.

        Raises:
            ArtifactError: There are no models, or a folder is not what its manifest says.
        """
        self._load_backend, self.max_windows = load_backend, max_windows
        self._max_seconds = max_seconds
        self._most_loaded, self._trusted, self._prepare = most_loaded, trusted, prepare
        folders = sorted(directory.glob(f"*/{MANIFEST}")) if directory.is_dir() else []
        if not folders:
            raise ArtifactError(
                f"{directory}: no models in it; fetch some with "
                f"'python -m scripts.pull --registry registry --output {directory}'"
            )
        self._artifacts = {file.parent.name: open_artifact(file.parent) for file in folders}
        for name, artifact in self._artifacts.items():
            if artifact.manifest.model != name:
                raise ArtifactError(f"{name}: its manifest is of model '{artifact.manifest.model}'")
        self._default = choose_default(self._artifacts, default)
        self._infos = {
            name: self._describe(name, artifact) for name, artifact in self._artifacts.items()
        }
        self._predictors: OrderedDict[str, Predictor] = OrderedDict()  # most recently used last
        self._failed: dict[str, tuple[float, ArtifactError]] = {}
        self._order, self._opening = Lock(), Lock()

    def load(self, model: str | None = None) -> Predictor:
        """Return a model's predictor (None: the default), loaded on first use.

        Raises UnknownModelError, or ArtifactError if a file is not what the manifest says.
        """
        name = self._known(model)
        if predictor := self._recall(name):
            return predictor
        with self._opening:  # one at a time, to keep the limit on models in memory
            return self._recall(name) or self._try_to_open(name)

    def predictor(self, model: str | None) -> Predictor:
        """Return what `load` does, but require a loaded default: requests do not start it.

        Raises NotReadyError if the default model is not loaded yet.
        """
        return self.recall(model) or self.load(model)

    def recall(self, model: str | None) -> Predictor | None:
        """Return what `predictor` does, but None instead of loading, which takes seconds."""
        if not self.ready():
            raise NotReadyError("the model is still being loaded; try again in a moment")
        return self._recall(self._known(model))

    def ready(self) -> bool:
        """Return whether the default model is loaded."""
        return self._default in self._predictors

    def loaded(self) -> Collection[Predictor]:
        """Return the predictors in memory."""
        with self._order:
            return list(self._predictors.values())

    def models(self) -> Sequence[ModelInfo]:
        """Return the served models, the default first."""
        names = sorted(self._artifacts, key=lambda name: (name != self._default, name))
        return [self._infos[name] for name in names]

    def info(self, model: str | None) -> ModelInfo:
        """Return a model's name, version and other facts; raises UnknownModelError."""
        return self._infos[self._known(model)]

    def _known(self, model: str | None) -> str:
        name = self._default if model is None else model
        if name not in self._artifacts:
            raise UnknownModelError(
                f"no model '{shorten(name)}' here; served: {', '.join(sorted(self._artifacts))}"
            )
        return name

    def _recall(self, name: str) -> Predictor | None:
        with self._order:
            if name in self._predictors:
                self._predictors.move_to_end(name)
            return self._predictors.get(name)

    def _make_room(self) -> None:
        """Unload the least recently used models, so that one more fits in memory."""
        with self._order:
            others = [name for name in self._predictors if name != self._default]
            for name in others[: max(0, len(others) + 2 - self._most_loaded)]:
                del self._predictors[name]

    def _describe(self, name: str, artifact: Artifact) -> ModelInfo:
        return ModelInfo(
            name=name,
            version=artifact.version,
            digest=artifact.digest,
            task=artifact.manifest.task,
            labels=artifact.manifest.labels,
            default=name == self._default,
            cascade=artifact.manifest.cascade is not None,
            metrics=artifact.manifest.metrics,
            samples=artifact.manifest.samples,
            answer_key=artifact.manifest.decoding.answer_key,
            max_tokens=artifact.manifest.tokenization.max_tokens,
            decisions=artifact.manifest.decisions,
            pooling=getattr(artifact.manifest.decoding, "pooling", ""),
            pairs=artifact.manifest.tokenization.pairs,
        )

    def _try_to_open(self, name: str) -> Predictor:
        """Open a model, but one that could not be opened only after a while again.

        Callers, who choose how often, would have its files hashed and loaded each time.
        """
        until, error = self._failed.get(name, (0.0, None))
        if error and monotonic() < until:
            raise error
        try:
            return self._open(name)
        except ArtifactError as failed:
            self._failed[name] = monotonic() + RETRY_SECONDS, failed
            raise

    def _open(self, name: str) -> Predictor:
        artifact = self._artifacts[name]
        if not self._trusted:
            verify(artifact)
        if name != self._default:
            self._make_room()
        predictor = load_predictor(
            artifact, self._load_backend, self.max_windows, max_seconds=self._max_seconds
        )
        if self._prepare:
            self._prepare(predictor)
        with self._order:
            self._predictors[name] = predictor
        return predictor


def choose_default(models: Collection[str], wanted: str) -> str:
    """Return the model that answers requests that name none: the wanted one, else the first."""
    return wanted if wanted in models else min(models)
