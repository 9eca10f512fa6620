"""What `make benchmark` measures: ours beside a plain `transformers` pipeline, in one run."""
