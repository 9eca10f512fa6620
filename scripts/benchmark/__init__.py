"""The benchmark: ours compared with a plain `transformers` pipeline, in one run."""
