"""The least that any answer costs: import the runtime and the tokenizer, open the model, answer.

Run as `python -m scripts.benchmark.bare_runtime MODEL_FOLDER`.
"""

import os
import sys

import numpy as np

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # as we do, so that neither pays for it
import onnxruntime as ort
from tokenizers import Tokenizer

TEXT = "A warm and funny film."


def main() -> None:
    folder = sys.argv[1]
    tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
    tokenizer.no_padding()  # some files ask for 128 tokens, which would make this script slow
    session = ort.InferenceSession(f"{folder}/model.onnx", providers=["CPUExecutionProvider"])
    ids = np.array([tokenizer.encode(TEXT).ids], dtype=np.int64)
    logits = session.run(["logits"], {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0]
    print("answered", int(logits.argmax()), flush=True)


if __name__ == "__main__":
    main()
