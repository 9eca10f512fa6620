"""ONNX Runtime on a CPU."""

import os

# Otherwise it sends usage data to its maker, on Linux since version 1.29.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime as ort

from function.core.artifact import Artifact
from function.core.backend import Logits, split_segments
from function.core.errors import ArtifactError, PredictionError
from function.core.tokenization import TokenIds

SEGMENTS = "token_type_ids"


class OnnxBackend:
    """Session on a graph file and its weights."""

    def __init__(self, artifact: Artifact, threads: int, *, alone: bool = False) -> None:
        """Open the graph; raises ArtifactError if it or its weights cannot be opened.

        Args:
            threads: Cores that one call may use; 0 leaves the choice to ONNX Runtime.
            alone: No other work needs the cores during a call, so waiting threads may spin.
        """
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", str(int(alone)))
        options.log_severity_level = 3
        graph = artifact.file("graph")
        try:
            self._session = ort.InferenceSession(
                str(graph), options, providers=["CPUExecutionProvider"]
            )
            outputs = self._session.get_outputs()
            widths = {each.name: each.shape[-1] for each in outputs if each.shape}
        except Exception as error:  # ONNX Runtime's errors share no base but Exception
            raise ArtifactError(
                f"{artifact.path.name}/{graph.name}: cannot be opened: {error}"
            ) from error
        self._outputs = wanted = artifact.manifest.outputs
        width = widths.get("logits", "no")
        if width != wanted and (isinstance(width, int) or "logits" not in widths):
            raise ArtifactError(
                f"{artifact.path.name}/{graph.name}: {width} logits, the manifest has {wanted} "
                "labels or tags"
            )

        self._segments = artifact.manifest.tokenization.segments
        inputs = {each.name for each in self._session.get_inputs()}
        if self._segments != (SEGMENTS in inputs):
            raise ArtifactError(
                f"{artifact.path.name}/{graph.name}: the graph and the manifest's `segments` "
                f"disagree on an input {SEGMENTS}"
            )

    def run(self, input_ids: TokenIds, attention_mask: TokenIds) -> Logits:
        """See `core.backend.Backend`."""
        feed = {"input_ids": input_ids, "attention_mask": attention_mask}
        if self._segments:
            feed["input_ids"], feed[SEGMENTS] = split_segments(input_ids)
        try:
            logits: Logits = self._session.run(["logits"], feed)[0]
        except Exception as error:  # ONNX Runtime's errors share no base but Exception
            raise PredictionError(f"the model failed: {error}") from error
        if logits.shape[-1] != self._outputs:  # a graph need not say how many it has
            raise PredictionError(
                f"the model answers with {logits.shape[-1]} numbers, the manifest has "
                f"{self._outputs} labels or tags"
            )
        return logits
