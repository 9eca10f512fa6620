"""What the server itself tells of a load: the difference of its `/metrics` before and after."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from prometheus_client.parser import text_string_to_metric_families

Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]
Histogram = Mapping[float, int]  # how many lie in each bucket, by its upper bound
PREFIX = "evergreen_"


@dataclass(frozen=True)
class Told:
    """windows, tokens: of each model, its batches by how many were in them. read, padded: tokens of
    all batches, and those with the padding between. refused: requests that were answered 429.
    failures: batches that failed.
    """

    windows: Mapping[str, Histogram]
    tokens: Mapping[str, Histogram]
    read: int
    padded: int
    refused: int
    failures: int

    @classmethod
    def between(cls, before: str, after: str) -> "Told":
        """Of two expositions of one server."""
        earlier = _samples(before)
        grown = {key: value - earlier.get(key, 0) for key, value in _samples(after).items()}
        return cls(
            windows=_histograms(grown, "batch_windows"),
            tokens=_histograms(grown, "batch_tokens"),
            read=_sum(grown, "batch_tokens_sum"),
            padded=_sum(grown, "batch_padded_tokens_sum"),
            refused=_sum(grown, "requests_total", status="429"),
            failures=_sum(grown, "batch_failures_total"),
        )


def _samples(exposition: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
    }


def _sum(grown: Samples, name: str, **labels: str) -> int:
    """Over all labels but those that are given."""
    return round(
        sum(
            value
            for (metric, found), value in grown.items()
            if metric == PREFIX + name and labels.items() <= found
        )
    )


def _histograms(grown: Samples, name: str) -> dict[str, Histogram]:
    """Of each model; in an exposition a bucket also holds all that lies below it."""
    cumulative: dict[str, dict[float, int]] = defaultdict(dict)
    for (metric, found), value in grown.items():
        if metric == f"{PREFIX}{name}_bucket":
            labels = dict(found)
            of_model = cumulative[labels["model"]]
            bound = float(labels["le"])
            of_model[bound] = of_model.get(bound, 0) + round(value)
    return {model: _apart(buckets) for model, buckets in sorted(cumulative.items())}


def _apart(buckets: Mapping[float, int]) -> Histogram:
    steps = pairwise([(0.0, 0), *sorted(buckets.items())])
    return {bound: upto - below for (_, below), (bound, upto) in steps}
