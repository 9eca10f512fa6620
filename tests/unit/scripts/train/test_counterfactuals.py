"""Counterfactual texts: the same by the same seed, alike but for words that should not matter."""

import numpy as np
import pytest

from scripts.common.errors import UsageError
from scripts.evaluate.behaviour import NAMES, NEGATION, NEUTRAL, SHORT
from scripts.train.config import TrainConfig
from scripts.train.counterfactuals import SLOT, Swapper, counterfactual_groups, read_words

WORDS = read_words()


def configured(seed=0, **section):
    return TrainConfig.model_validate(
        {
            "model": "toy",
            "labels": ["negative", "positive"],
            "seed": seed,
            "datasets": [{"name": "toy", "path": "toy.csv"}],
            "finetuning": {"epoch_max_tokens": [32]},
            "distillation": {"teacher": "teacher"},
            "counterfactuals": section,
        }
    )


def swapped(text, seed=1, count=2):
    return Swapper(WORDS).versions(text, count, np.random.default_rng(seed))


def test_every_template_becomes_a_group_that_differs_in_its_slots_alone():
    groups = counterfactual_groups(configured(fills=6), [])
    assert len(groups) == len(WORDS.templates)
    for template, group in zip(WORDS.templates, groups, strict=True):
        assert 1 < len(group) <= 6
        around = [
            part for part in SLOT.split(template) if part not in ("name", "country", "person")
        ]
        assert all(text.startswith(around[0]) and text.endswith(around[-1]) for text in group)
        assert "{" not in "".join(group)


def test_the_same_seed_gives_the_same_texts_and_another_one_others():
    texts = ["Emily met her in Peru.", "Nothing here.", "A man and Boris."]
    one, again, other = (
        counterfactual_groups(configured(seed, fills=3, reviews=2), texts) for seed in (1, 1, 2)
    )
    assert one == again
    assert one != other


def test_as_many_texts_are_changed_as_are_asked_for_and_those_without_a_word_are_none():
    texts = ["Emily met her in Peru.", "Nothing here.", "A man and Boris.", "She was in Kenya."]
    groups = counterfactual_groups(configured(fills=0, reviews=2), texts)
    assert len(groups) == 2
    assert all(group[0] in texts and len(group) > 1 for group in groups)
    assert len(counterfactual_groups(configured(fills=0, reviews=9), texts)) == 3


def test_a_name_becomes_another_one_everywhere_in_a_text():
    (with_genders, alone) = swapped("Emily met Boris. She likes Emily, not Peruvians.")
    first, *_ = alone.split()
    assert alone.count(first) == 2
    assert first in WORDS.every_name
    assert "Peruvians" in alone
    assert "She likes" in alone
    assert "He likes" in with_genders


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("The actress and HER uncle.", ("The actor and HIS aunt.", "The actor and HIM aunt.")),
        ("A turkey in the theme.", ()),
        ("He himself.", ("She herself.",)),
    ],
)
def test_gender_words_keep_their_casing_and_parts_of_words_stay(before, after):
    found = swapped(before)
    assert set(found) <= set(after)
    assert bool(found) == bool(after)


def test_what_is_measured_on_is_in_no_training_template():
    measured = {text for text, _ in [*NEGATION, *SHORT]}
    measured |= {template for templates, _ in NEUTRAL.values() for template in templates}
    plain = {SLOT.sub("{}", template) for template in WORDS.templates}
    assert not plain & measured
    assert not set(WORDS.every_name) & set(NAMES)


def test_names_of_many_origins_fill_the_templates():
    assert len(WORDS.names) >= 10
    assert len(set(WORDS.every_name)) == len(WORDS.every_name)


def test_a_wrong_file_of_words_is_refused(tmp_path):
    (tmp_path / "words.toml").write_text('countries = ["France"]\n')
    with pytest.raises(UsageError, match="countries: needs 2 or more"):
        read_words(tmp_path / "words.toml")


def test_counterfactuals_of_entities_are_refused():
    section = configured().model_dump() | {"task": "token-classification"}
    with pytest.raises(ValueError, match="is for models that classify texts"):
        TrainConfig.model_validate(section)
