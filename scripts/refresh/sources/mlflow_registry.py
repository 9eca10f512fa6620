"""A registered model in MLflow, at the server or database that MLFLOW_TRACKING_URI names.

The revision is the version's number and a digest of where it came from, because a number alone
means another model once a registry was emptied and filled again.
"""

import shutil
from pathlib import Path
from typing import Any, ClassVar

from function.core.artifact import sha256
from scripts.common.errors import SourceError, UsageError, one_line
from scripts.refresh.checkpoint import TOKENIZER, TOKENIZER_CONFIG
from scripts.refresh.sources.source import (
    Revision,
    client_errors,
    find_model,
    load_client,
)

NOT_FOUND = {"RESOURCE_DOES_NOT_EXIST", "NOT_FOUND", "ENDPOINT_NOT_FOUND"}
DENIED = {"PERMISSION_DENIED", "CUSTOMER_UNAUTHORIZED", "UNAUTHENTICATED"}


class MlflowRegistry:
    """`mlflow:MODEL[@ALIAS]`: the version that the alias names, or the latest."""

    variables: ClassVar[tuple[str, ...]] = ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_TOKEN")

    def __init__(self, address: str) -> None:
        self._model, at, self._alias = address.partition("@")
        if not self._model or (at and not self._alias):
            raise UsageError(f"mlflow:{address}: give mlflow:MODEL or mlflow:MODEL@ALIAS")
        self._source = f"mlflow:{self._model}"

    def newest(self) -> Revision | None:
        """See `Source`. None where the model has no version."""
        with client_errors(self._source, _explain):
            client = _mlflow().MlflowClient()
            if self._alias:
                version = client.get_model_version_by_alias(self._model, self._alias)
            else:
                client.get_registered_model(self._model)  # an unknown one would have no versions
                quote = '"' if "'" in self._model else "'"  # its filters have no escapes
                versions = client.search_model_versions(f"name = {quote}{self._model}{quote}")
                if not versions:
                    return None
                version = max(versions, key=lambda version: int(version.version))
        return Revision(self._source, _pin(version))

    def fetch(self, revision: Revision, folder: Path) -> Path:
        """See `Source`."""
        number = revision.revision.partition("-")[0]
        with client_errors(self._source, _explain):
            mlflow = _mlflow()
            client = mlflow.MlflowClient()
            if _pin(client.get_model_version(self._model, number)) != revision.revision:
                raise SourceError(f"{self._source}: version {number} was replaced by another")
            location = client.get_model_version_download_uri(self._model, number)
            mlflow.artifacts.download_artifacts(artifact_uri=location, dst_path=str(folder))
        found = find_model(folder, self._source)
        _join_tokenizer(found)
        return found


def _join_tokenizer(model: Path) -> None:
    """Copy the tokenizer from its own folder, where MLflow's transformers flavour keeps it."""
    for name in (TOKENIZER, TOKENIZER_CONFIG):
        apart = model.parent / "components" / "tokenizer" / name
        if apart.is_file() and not (model / name).exists():
            shutil.copyfile(apart, model / name)


def _pin(version: Any) -> str:
    origin = (version.name, version.run_id, version.source, version.creation_timestamp)
    return f"{version.version}-{sha256(repr(origin).encode())[:16]}"


def _mlflow() -> Any:
    return load_client("mlflow")


def _explain(error: Exception) -> str | None:
    code = getattr(error, "error_code", None)
    if code in NOT_FOUND:
        return f"not found: {one_line(error)}"
    if code in DENIED:
        return f"access denied: {one_line(error)}"
    return None
