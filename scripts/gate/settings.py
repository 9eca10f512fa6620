"""Limits of the gate, in one small file; what it leaves out keeps its default."""

import math
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from scripts.common.settings_file import check_settings, read_toml

Share = Annotated[float, Field(gt=0, lt=1)]
Ratio = Annotated[float, Field(ge=1)]
Count = Annotated[int, Field(ge=1)]


class GateSettings(BaseModel):
    """Limits. Shares and differences of shares are in [0, 1]: 0.015 is 1.5 points.

    Texts are answered rightly where their label is (accuracy) or where exactly their entities are.
    A first model must reach the floors, and not exceed `floor_calibration`; how hard the golden set
    is, and how long its texts are, decides what is fair to ask. A text of `short_words` or fewer is
    short, one of `long_words` or more long. The ratios are the candidate's to the champion's.

    Attributes:
        margin: The share of right answers that a candidate may lack compared with the champion,
            and of F1 or Spearman's rho beyond chance where those are judged. An equal model that
            answers a share q of the rows worse and as many better passes 19 times in 20 where
            there are 2q(3.6 / margin)² rows: at the default about 350 for q = 0.3 % (the same
            weights exported again), 3,500 for q = 3 % (trained again).
        slice_loss: The loss that vetoes, in one slice of `slice_rows` or more.
        calibration_rise: By how much the expected calibration error may exceed the champion's. It
            is biased upwards on few rows: drawn from phrases that it has not seen, 400 rows give
            the bundled model anything from 0.024 to 0.075, and an equal model that differs on 3 %
            of them each way up to 0.039 more (99 draws in 100; with 200 rows 0.093 and 0.048).
            With thousands halve it.
        behaviour_drop: By how much the share of right answers in one behavioural check may drop.
        spread_limit: Of the positive label's probability between neutral sentences that differ in a
            country, a name or a gender, the mean over sentences. Beyond it, a candidate's may
            exceed the champion's by `spread_rise`: chance moves equal models by some hundredths.
        latency_ratio: Of the median latency, at most.
        size_ratio: Of the bytes, at most.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    margin: Share = 0.015
    slice_loss: Share = 0.05
    slice_rows: Count = 30
    short_words: Count = 20
    long_words: Count = 200
    calibration_rise: Share = 0.05
    behaviour_drop: Annotated[float, Field(ge=0, lt=1)] = 0.1
    spread_limit: Annotated[float, Field(ge=0, le=1)] = 0.5
    spread_rise: Annotated[float, Field(ge=0, le=1)] = 0.1
    latency_ratio: Ratio = 1.25
    latency_texts: Count = 60
    size_ratio: Ratio = 1.25
    floor_accuracy: Share = 0.8
    floor_f1: Share = 0.8
    floor_spearman: Share = 0.7
    floor_behaviour: Share = 0.75
    floor_calibration: Share = 0.1

    @property
    def minimum_rows(self) -> int:
        """The number of rows below which nothing is decided, by the rule of three.

        Where n rows show no loss at all, the true share of losses may still be 3/n (Hanley and
        Lippman-Hand 1983, "If nothing goes wrong, is everything all right?"), and a bootstrap of
        rows that never differ knows nothing of that.
        """
        return math.ceil(round(3 / self.margin, 9))


def load_gate_settings(path: Path | None) -> GateSettings:
    """Read a TOML file; None gives the defaults. Raises UsageError with the first wrong key."""
    if path is None:
        return GateSettings()
    return check_settings(GateSettings, read_toml(path), f"{path}: ")
