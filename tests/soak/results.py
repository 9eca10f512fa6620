"""All that a soak found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.soak.drain import Drained
from tests.soak.record import Record
from tests.soak.told import Told
from tests.soak.watch import Sample


@dataclass(frozen=True)
class Results:
    """seconds: of load. records: of each kind of request. samples: of the server's process.
    told: by the server of the same load. drained: what it did when it was stopped."""

    seconds: float
    records: Mapping[str, Record]
    samples: Sequence[Sample]
    told: Told
    drained: Drained
