"""The forms of truth by head."""

from typing import Any

from function.core.heads import AnswerKey
from scripts.data.labelled_texts import LabelForm
from scripts.data.multi_labelled import LabelsForm
from scripts.data.scored_texts import ScoreForm
from scripts.data.tagged_texts import EntityForm
from scripts.data.triplets import TripletForm
from scripts.data.truth import TruthForm

FORMS: dict[AnswerKey, TruthForm[Any]] = {
    form.key: form for form in (LabelForm(), LabelsForm(), ScoreForm(), EntityForm(), TripletForm())
}
