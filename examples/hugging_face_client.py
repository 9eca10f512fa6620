#!/usr/bin/env python3
"""Ask an Evergreen service with Hugging Face's own client.

    pip install huggingface_hub
    python examples/hugging_face_client.py
    python examples/hugging_face_client.py "A text of yours." "Another one."

EVERGREEN_URL is the address of the service, EVERGREEN_API_KEY the key to send.
"""

import os
import sys

try:
    from huggingface_hub import InferenceClient
except ImportError:
    sys.exit(f"error: no huggingface_hub here: {sys.executable} -m pip install huggingface_hub")

TEXTS = ["The film is good, and the cast is fine.", "A dull film and a bad ending."]


def main() -> None:
    url = os.environ.get("EVERGREEN_URL") or "http://127.0.0.1:8080"
    # Without a token the client would send the one that `hf auth login` keeps on this machine.
    client = InferenceClient(url, token=os.environ.get("EVERGREEN_API_KEY") or "none")
    try:
        for text in sys.argv[1:] or TEXTS:
            best, *_ = client.text_classification(text, top_k=1)
            print(f"{best.label:<10}{best.score:>6.1%}  {text}")
    except Exception as error:  # the client's HTTP library differs by version
        sys.exit(f"error: {getattr(error, 'server_message', None) or f'{url}: {error}'}")


if __name__ == "__main__":
    main()
