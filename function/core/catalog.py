"""The models that one process serves: the default loaded at start, others on first use."""

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock

from function.core.artifact import MANIFEST, Artifact, open_artifact, verify
from function.core.backend import Backend
from function.core.digests import Digest, digest_file
from function.core.errors import ArtifactError, NotReadyError, UnknownModelError
from function.core.predictor import Predictor, open_predictor
from function.core.types import ModelInfo

LoadBackend = Callable[[Artifact], Backend]


class Catalog:
    """Models by name, found as the folders of one directory."""

    def __init__(
        self,
        directory: Path,
        default: str,
        load_backend: LoadBackend,
        *,
        max_windows: int,
        most_loaded: int = 4,
        digest: Digest = digest_file,
        prepare: Callable[[Predictor], None] | None = None,
    ) -> None:
        """Read every manifest; load nothing yet. Raises ArtifactError.

        load_backend: opens an artifact's graph; the one thing that differs between CPU and GPU.
        max_windows: the most windows that one request may take. most_loaded: models in memory at
        once; beyond it the one that was not asked for longest goes, but never the default.
        digest: how files are hashed. prepare: what to do with a loaded model before it is called
        ready.
        """
        self._load_backend, self._max_windows, self._digest = load_backend, max_windows, digest
        self._most_loaded, self._prepare = most_loaded, prepare
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
        self._default = default if default in self._artifacts else min(self._artifacts)
        self._infos = {
            name: self._describe(name, artifact) for name, artifact in self._artifacts.items()
        }
        self._predictors: dict[str, Predictor] = {}  # the one asked for last at the end
        self._locks = {name: Lock() for name in self._artifacts}
        self._order = Lock()

    def load(self, model: str | None = None) -> Predictor:
        """The predictor of a model (None: the default), loaded on first use.

        Raises UnknownModelError, and ArtifactError where a file is not what the manifest says.
        """
        name = self._default if model is None else model
        if name not in self._artifacts:
            raise UnknownModelError(
                f"no model '{name}' here; served: {', '.join(sorted(self._artifacts))}"
            )
        with self._locks[name]:
            predictor = self._predictors.get(name) or self._open(self._artifacts[name])
            self._remember(name, predictor)
        return predictor

    def predictor(self, model: str | None) -> Predictor:
        """As `load`, but the default must have been loaded: requests do not start it."""
        if not self.ready():
            raise NotReadyError("the model is still being loaded; try again in a moment")
        return self.load(model)

    def ready(self) -> bool:
        """Whether the default model is loaded."""
        return self._default in self._predictors

    def models(self) -> Sequence[ModelInfo]:
        """What is served, the default first."""
        names = sorted(self._artifacts, key=lambda name: (name != self._default, name))
        return [self._infos[name] for name in names]

    def info(self, model: str | None) -> ModelInfo:
        """How answers name a model."""
        return self._infos[self._default if model is None else model]

    def _remember(self, name: str, predictor: Predictor) -> None:
        with self._order:
            self._predictors.pop(name, None)
            self._predictors[name] = predictor
            others = [other for other in self._predictors if other not in (name, self._default)]
            for other in others[: len(self._predictors) - self._most_loaded]:
                del self._predictors[other]

    def _describe(self, name: str, artifact: Artifact) -> ModelInfo:
        return ModelInfo(
            name=name,
            version=artifact.version,
            digest=artifact.digest,
            task=artifact.manifest.task,
            labels=artifact.manifest.labels,
            default=name == self._default,
            metrics=artifact.manifest.metrics,
        )

    def _open(self, artifact: Artifact) -> Predictor:
        verify(artifact, self._digest)
        predictor = open_predictor(artifact, self._load_backend, self._max_windows)
        if self._prepare:
            self._prepare(predictor)
        return predictor
