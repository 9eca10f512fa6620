"""A model repository on the Hugging Face hub, or on the one that HF_ENDPOINT names.

Only JSON and safetensors files are downloaded, and a vocabulary where there is no tokenizer.json;
of a repository with a manifest exactly the files that it lists. A repository that cannot be
imported is refused before its weights are downloaded.
"""

import glob
import shutil
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from function.core.artifact import PICKLE_SUFFIXES
from function.core.errors import ArtifactError
from function.core.manifest import MANIFEST, parse_manifest
from scripts.common.errors import SourceError, UsageError, one_line
from scripts.refresh.checkpoint import read_checkpoint, settings_files
from scripts.refresh.sources.source import Revision, client_errors, load_client

TIMEOUT = 30.0  # seconds; a hub that is silent for longer is as good as not there


class HuggingFaceHub:
    """`hub:REPO[@REVISION]`: a branch, a tag or a commit, `main` where none is named."""

    variables: ClassVar[tuple[str, ...]] = ("HF_TOKEN", "HF_ENDPOINT")

    def __init__(self, address: str, endpoint: str | None = None) -> None:
        """Parse an address; `endpoint` is the hub's, where HF_ENDPOINT shall not decide."""
        self._repository, at, revision = address.partition("@")
        if not self._repository or (at and not revision):
            raise UsageError(f"hub:{address}: give hub:REPO or hub:REPO@REVISION")
        self._revision = revision or "main"
        self._endpoint = endpoint
        self._source = f"hub:{self._repository}"

    def newest(self) -> Revision:
        """See `Source`: the commit that the revision points at now."""
        return Revision(self._source, str(self._describe(self._revision).sha))

    def fetch(self, revision: Revision, folder: Path) -> Path:
        """See `Source`."""
        commit = revision.revision
        names = {file.rfilename for file in self._describe(commit).siblings or []}
        if MANIFEST in names:
            self._download(commit, [MANIFEST], folder)
            self._download(commit, self._listed(folder / MANIFEST, names), folder)
        else:
            self._download(commit, settings_files(names), folder)
            checkpoint = read_checkpoint(folder, names, self._source)
            self._download(commit, checkpoint.files, folder)
        # The client's notes would be files that no manifest lists.
        shutil.rmtree(folder / ".cache", ignore_errors=True)
        return folder

    def _listed(self, manifest: Path, names: Collection[str]) -> list[str]:
        try:
            files = list(parse_manifest(manifest.read_bytes(), self._source).files)
        except ArtifactError as error:
            raise SourceError(str(error)) from error
        for name in files:
            if name not in names:
                raise SourceError(f"{self._source}: its manifest lists {name}, which is not there")
            if PurePosixPath(name).suffix.lower() in PICKLE_SUFFIXES:
                raise SourceError(f"{self._source}: its manifest lists {name}, a pickle")
        return files

    def _describe(self, revision: str) -> Any:
        """Ask the hub for a revision's commit and the names of its files."""
        client = load_client("huggingface_hub")
        with client_errors(self._source, self._explain):
            api = client.HfApi(endpoint=self._endpoint)
            return api.model_info(self._repository, revision=revision, timeout=TIMEOUT)

    def _download(self, commit: str, names: Collection[str], folder: Path) -> None:
        if not names:
            return
        client = load_client("huggingface_hub")
        with client_errors(self._source, self._explain):
            client.snapshot_download(
                self._repository,
                revision=commit,
                local_dir=folder,
                allow_patterns=[glob.escape(name) for name in names],
                endpoint=self._endpoint,
            )

    def _explain(self, error: Exception) -> str | None:
        errors = load_client("huggingface_hub.errors")
        if isinstance(error, errors.GatedRepoError):
            return "gated: accept its terms on the hub, and set HF_TOKEN"
        if isinstance(error, errors.RevisionNotFoundError):
            return f"has no revision '{self._revision}'"
        if isinstance(error, errors.RepositoryNotFoundError):
            return "not found, or private: check its name, and set HF_TOKEN if it is private"
        if isinstance(error, errors.HfHubHTTPError):
            status = error.response.status_code
            if status in (401, 403):
                return "access denied: set HF_TOKEN to a token that may read it"
            return f"the hub answered with status {status}"
        if isinstance(error, errors.HFValidationError):
            return one_line(error)
        return f"the hub could not be read: {one_line(error)}"
