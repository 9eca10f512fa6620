"""Scoring by a running service over HTTP, several requests at a time."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from function.core.tokenization import Text
from scripts.common.errors import CommandError
from scripts.common.service_client import ServiceClient, ServiceError
from scripts.data.rows import CHUNK_ROWS, RowError, batched
from scripts.score.rows import Advance, Row, RowResult, collect, rejected, scored

TEXTS, CHARACTERS = 16, 200_000  # of one request: texts of many windows fit its limits, too
TEXT_REFUSED = (413, 422)  # statuses that a single text can cause for its whole request
BUSY, UNAVAILABLE = 429, (0, 500, 502, 503, 504)  # 0: no answer at all
PATIENCE = 600.0  # seconds that a request waits for a queue that stays full
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)  # seconds between tries of a service that is unavailable

NumberedText = tuple[int, Text]  # a text or pair and its index in the chunk


class RemoteModel:
    """A `rows.Scorer` that asks a service.

    A server's answers may differ a little from run to run: it batches texts with those of other
    callers, and int8 rounds by the largest value of a batch.
    """

    chunk_rows = CHUNK_ROWS

    def __init__(
        self, service: ServiceClient, requests: int, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Score by a service. requests: how many run at a time."""
        self._service, self._requests, self._sleep = service, requests, sleep

    @property
    def answer_key(self) -> str:
        return self._service.answer_key

    @property
    def identity(self) -> dict[str, str]:
        return {
            "url": self._service.url,
            "model": self._service.name,
            "version": self._service.version,
        }

    def score(
        self, rows: Iterator[Row], _run: str, advance: Advance
    ) -> Iterator[Sequence[RowResult]]:
        requests = ThreadPoolExecutor(self._requests)
        try:
            for chunk in batched(rows, self.chunk_rows):
                yield self._score_chunk(chunk, requests, advance)
        finally:
            requests.shutdown(cancel_futures=True)

    def _score_chunk(
        self, chunk: Sequence[Row], requests: ThreadPoolExecutor, advance: Advance
    ) -> list[RowResult]:
        known = {
            index: rejected(row.text.reason)
            for index, row in enumerate(chunk)
            if isinstance(row.text, RowError)
        }
        texts = [
            (index, row.text)
            for index, row in enumerate(chunk)
            if not isinstance(row.text, RowError)
        ]
        asked = [requests.submit(self._ask, batch) for batch in _batches(texts)]
        return collect(known, asked, advance)

    def _ask(self, batch: Sequence[NumberedText]) -> dict[int, RowResult]:
        """Return the result of each text.

        A request that is refused for one of its texts is made again text by text, so that the
        others are scored. Raises CommandError.
        """
        try:
            answer = self._retry([text for _, text in batch])
        except ServiceError as error:
            if error.status not in TEXT_REFUSED:
                raise
            if len(batch) == 1:
                return {batch[0][0]: rejected(error.detail)}
            return {index: each for one in batch for index, each in self._ask([one]).items()}
        found = answer["predictions"]
        if len(found) != len(batch):
            raise CommandError(f"{self._service.url}: {len(found)} answers for {len(batch)} texts")
        version = answer["model"]["version"]
        return {
            index: scored(prediction, version)
            for (index, _), prediction in zip(batch, found, strict=True)
        }

    def _retry(self, texts: Sequence[Text]) -> dict[str, Any]:
        """Ask again after each pause that the service names, until it answers or hope is lost."""
        waited, pauses = 0.0, iter(PAUSES)
        while True:
            try:
                return self._service.answer(texts)
            except ServiceError as error:
                if error.status == BUSY and waited < PATIENCE:
                    pause = error.retry_after or PAUSES[0]
                    waited += pause
                elif error.status in UNAVAILABLE and (later := next(pauses, None)):
                    pause = error.retry_after or later
                else:
                    raise
            self._sleep(pause)


def _batches(texts: Sequence[NumberedText]) -> Iterator[list[NumberedText]]:
    """Yield texts of similar length together, the longest first."""
    batch: list[NumberedText] = []
    characters = 0
    for each in sorted(texts, key=lambda each: len(each[1]), reverse=True):
        if batch and (len(batch) == TEXTS or characters + len(each[1]) > CHARACTERS):
            yield batch
            batch, characters = [], 0
        batch.append(each)
        characters += len(each[1])
    if batch:
        yield batch
