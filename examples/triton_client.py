#!/usr/bin/env python3
"""Ask an Evergreen service with NVIDIA's client for Triton, over the Open Inference Protocol.

    pip install 'tritonclient[http]'
    python examples/triton_client.py
    python examples/triton_client.py "A text of yours." "Another one."

EVERGREEN_URL is the address of the service, EVERGREEN_API_KEY the key to send.
"""

import os
import sys
from urllib.parse import urlsplit

try:
    import numpy as np
    from tritonclient.http import InferenceServerClient, InferInput
    from tritonclient.utils import InferenceServerException
except ImportError:
    sys.exit(
        f"error: no tritonclient[http] here: {sys.executable} -m pip install 'tritonclient[http]'"
    )

MODEL = "sentiment"
TEXTS = ["The film is good, and the cast is fine.", "A dull film and a bad ending."]


def main() -> None:
    url = urlsplit(os.environ.get("EVERGREEN_URL") or "http://127.0.0.1:8080")
    key = os.environ.get("EVERGREEN_API_KEY")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    texts = sys.argv[1:] or TEXTS
    tensor = InferInput("text", [len(texts)], "BYTES")
    tensor.set_data_from_numpy(np.array(texts, dtype=np.object_))
    try:
        # The client takes HOST[:PORT][/PATH] without the scheme, and a flag for TLS.
        with InferenceServerClient(
            f"{url.netloc}{url.path}".rstrip("/"), ssl=url.scheme == "https"
        ) as client:
            answer = client.infer(MODEL, [tensor], headers=headers)
    except (InferenceServerException, OSError) as error:
        sys.exit(f"error: {error}")
    labels, scores = (answer.as_numpy(name) for name in ("label", "score"))
    for label, score, text in zip(labels, scores, texts, strict=True):
        print(f"{label.decode():<10}{score:>6.1%}  {text}")


if __name__ == "__main__":
    main()
