"""Tiny checkpoints that read pairs of texts, compared with transformers' pipeline on them."""

import asyncio
import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from tokenizers import processors
from transformers import (
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    BertConfig,
    PreTrainedTokenizerFast,
    RobertaConfig,
    pipeline,
)

from function.backends.onnx_backend import OnnxBackend
from function.backends.torch_backend import TorchBackend
from function.batching.batcher import BatchLimits
from function.batching.engine import BatchingEngine
from function.core.artifact import Artifact
from function.core.catalog import Catalog
from function.core.errors import ArtifactError, BatchTooLargeError, InputError
from function.core.tokenization import TextPair
from function.core.types import Options
from scripts.common.errors import SourceError, UsageError
from scripts.evaluate.evaluation import open_predictor
from scripts.refresh.import_settings import ImportSettings
from scripts.refresh.judge import import_model
from tests.checkpoints import (
    REVISION,
    SHAPE,
    WORDS,
    by_label,
    byte_pairs,
    learn,
    sentences,
    spread,
    word_pieces,
)
from tests.integration.test_heads import write_checkpoint as write_tagger

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("quick")]

INFERENCE = ["entailment", "neutral", "contradiction"]
TEXTS = [
    "the film was long",
    "Ada Lovelace met Charles Babbage in London, didn't she?",
    "Мама мыла раму в Москве",
    "北京是中国的首都。",
    "naïve café — “quoted” naïveté",
    "dull",
]
PAIRS = [TextPair(one, other) for one in TEXTS for other in TEXTS]
LONG = " ".join(TEXTS * 3)
POSITIONS = 64
EXACT, ROUNDED = 1e-4, 0.05  # of a probability: in full precision, and by eight bits
HEADS = {
    "softmax": (INFERENCE, {}),
    "sigmoid": (["same topic", "same author"], {"problem_type": "multi_label_classification"}),
    "score": (["relevance"], {}),
    "regression": (["similarity"], {"problem_type": "regression"}),
}


def bert_tokenizer(texts):
    tokenizer = word_pieces(texts)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )


def roberta_tokenizer(texts):
    return PreTrainedTokenizerFast(
        tokenizer_object=byte_pairs(texts),
        pad_token="<pad>",
        model_input_names=["input_ids", "attention_mask"],
    )


FAMILIES = {
    "bert": (BertConfig, bert_tokenizer, {"pad_token_id": 0}, True),
    "roberta": (RobertaConfig, roberta_tokenizer, {"pad_token_id": 1, "type_vocab_size": 1}, False),
}


def write_checkpoint(folder, family, labels, **config):
    """Random weights, large enough that answers differ, and segments that matter."""
    kind, make_tokenizer, special, _ = FAMILIES[family]
    torch.manual_seed(0)
    settings = SHAPE | {"max_position_embeddings": POSITIONS} | special | config
    model = AutoModelForSequenceClassification.from_config(
        kind(**settings, id2label=dict(enumerate(labels)))
    ).eval()
    tokenizer = make_tokenizer(TEXTS)
    tokenizer.model_max_length = POSITIONS - 2
    spread(model, [tokenizer(each.text, each.text_pair, return_tensors="pt") for each in PAIRS])
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def imported(folder, output, texts=tuple(TEXTS), **settings):
    chosen = ImportSettings(**{"precision": "fp32", "pairs": True, **settings})
    return import_model(folder, "m", texts, output, REVISION, settings=chosen)


@pytest.fixture(scope="module", params=FAMILIES)
def family(request):
    return request.param


@pytest.fixture(scope="module")
def inference(family, tmp_path_factory):
    """A checkpoint of a family that infers, and the artifact of it."""
    folder = tmp_path_factory.mktemp(family)
    checkpoint = write_checkpoint(folder / "checkpoint", family, INFERENCE)
    return checkpoint, imported(checkpoint, folder / "artifact", pairs=None)


def scores_of(prediction):
    return {entry.label: entry.score for entry in prediction.scores}


def in_transformers(checkpoint, pairs, **options):
    reads = pipeline("text-classification", model=str(checkpoint))
    return [by_label(reads(asdict(pair), top_k=None, truncation=True, **options)) for pair in pairs]


def answers(predictor, pairs, **options):
    return [scores_of(each) for each in predictor.predict(pairs, Options(**options))[0]]


@pytest.mark.parametrize("head", HEADS)
def test_every_head_has_the_scores_of_transformers_pipeline(family, head, tmp_path):
    labels, config = HEADS[head]
    checkpoint = write_checkpoint(tmp_path / "checkpoint", family, labels, **config)
    artifact = imported(checkpoint, tmp_path / "artifact")
    found = answers(open_predictor(artifact.path), PAIRS)
    for scores, expected in zip(found, in_transformers(checkpoint, PAIRS), strict=True):
        assert scores == pytest.approx(expected, abs=EXACT)
    spread = np.std([list(scores.values()) for scores in found], axis=0)
    assert spread.max() > 2 * ROUNDED


def test_the_order_of_the_two_texts_matters(inference):
    predictor = open_predictor(inference[1].path)
    one, other = answers(predictor, [TextPair(*TEXTS[:2]), TextPair(*TEXTS[1::-1])])
    assert one != pytest.approx(other, abs=ROUNDED)


def test_labels_of_inference_are_recognised_and_segments_where_the_model_has_them(
    inference, family
):
    tokenization = inference[1].manifest.tokenization
    assert tokenization.pairs
    assert tokenization.segments is FAMILIES[family][3]


LONG_PAIRS = {
    "the first is longer": TextPair(LONG, TEXTS[0]),
    "the second is longer": TextPair(TEXTS[0], LONG),
    "both are long": TextPair(LONG, f"{LONG} {LONG}"),
    "both are as long": TextPair(LONG, LONG),
}


@pytest.mark.parametrize("pair", LONG_PAIRS.values(), ids=LONG_PAIRS)
def test_a_long_pair_is_cut_as_transformers_cuts_it(inference, pair):
    checkpoint, artifact = inference
    predictor = open_predictor(artifact.path)
    (prediction,) = predictor.predict([pair], Options())[0]
    assert scores_of(prediction) == pytest.approx(in_transformers(checkpoint, [pair])[0], abs=EXACT)
    assert (prediction.truncated, prediction.windows) == (True, 1)


def test_a_pair_that_fits_is_not_truncated_and_one_that_does_not_is_refused_where_all_counts(
    inference,
):
    predictor = open_predictor(inference[1].path)
    (prediction,) = predictor.predict([PAIRS[1]], Options(long_text="window"))[0]
    assert not prediction.truncated
    with pytest.raises(BatchTooLargeError, match="in one window of 62"):
        predictor.predict([TextPair(LONG, LONG)], Options(long_text="window"))


def test_torch_gives_the_answers_of_the_graph(inference):
    _, artifact = inference
    exact = open_predictor(artifact.path)
    torch_predictor = open_predictor(
        artifact.path, load_backend=lambda found: TorchBackend(found, device="cpu")
    )
    for one, other in zip(answers(exact, PAIRS), answers(torch_predictor, PAIRS), strict=True):
        assert one == pytest.approx(other, abs=EXACT)


def test_the_batching_engine_gives_the_answers_of_each_pair_alone(inference, tmp_path):
    _, artifact = inference
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "m").symlink_to(artifact.path)
    catalog = Catalog(tmp_path / "models", "m", lambda a: OnnxBackend(a, 1), max_windows=64)
    catalog.load()
    engine = BatchingEngine(catalog, lambda _: BatchLimits(4096, 16, 0.0), calls=2, queue=256)

    async def ask():
        asked = [engine.predict(None, [pair], Options()) for pair in PAIRS]
        return [result.predictions[0] for result in await asyncio.gather(*asked)]

    alone = open_predictor(artifact.path)
    for prediction, pair in zip(asyncio.run(ask()), PAIRS, strict=True):
        assert scores_of(prediction) == pytest.approx(answers(alone, [pair])[0], abs=EXACT)


def test_eight_bits_change_little(family, tmp_path):
    """Take a checkpoint that learnt whether two sentences are of one kind."""
    kind, make_tokenizer, special, _ = FAMILIES[family]
    texts = sentences(60, 8, seed=1)
    tokenizer = make_tokenizer(texts)
    torch.manual_seed(0)
    config = SHAPE | special | {"id2label": {0: "not_entailment", 1: "entailment"}}
    model = AutoModelForSequenceClassification.from_config(kind(**config)).eval()
    others = texts[1:] + texts[:1]
    good = [any(word in text for word in [*WORDS[3], *WORDS[4]]) for text in texts]
    inputs = tokenizer(texts, others, padding=True, return_tensors="pt")
    learn(model, inputs, torch.tensor(good, dtype=torch.int64))
    model.save_pretrained(tmp_path / "checkpoint")
    tokenizer.save_pretrained(tmp_path / "checkpoint")
    pairs = list(map(TextPair, texts, others))
    artifact = imported(
        tmp_path / "checkpoint", tmp_path / "artifact", pairs, precision="int8", pairs=None
    )
    exact = in_transformers(tmp_path / "checkpoint", pairs)
    found = answers(open_predictor(artifact.path), pairs)
    for scores, expected in zip(found, exact, strict=True):
        assert scores == pytest.approx(expected, abs=ROUNDED)


def test_a_pair_model_refuses_single_texts_and_explanations_in_words(inference):
    predictor = open_predictor(inference[1].path)
    with pytest.raises(InputError, match="reads pairs of texts: send each as"):
        predictor.predict(["alone"], Options())
    with pytest.raises(InputError, match="explain"):
        predictor.predict([PAIRS[0]], Options(explain=True))
    with pytest.raises(InputError, match="text 1 is empty"):
        predictor.predict([PAIRS[0], TextPair("one", "")], Options())


def test_settings_say_what_labels_do_not(tmp_path):
    checkpoint = write_checkpoint(tmp_path / "checkpoint", "bert", ["LABEL_0"])
    artifact = imported(checkpoint, tmp_path / "single", pairs=None)
    assert not artifact.manifest.tokenization.pairs
    config = checkpoint / "config.json"
    members = json.loads(config.read_text(encoding="utf-8"))
    cross_encoder = {"sentence_transformers": {"activation_fn": "torch.nn.Identity"}}
    config.write_text(json.dumps(members | cross_encoder), encoding="utf-8")
    artifact = imported(checkpoint, tmp_path / "pairs", pairs=None)
    assert artifact.manifest.tokenization.pairs
    assert "pairs" not in artifact.manifest.provenance
    artifact = imported(checkpoint, tmp_path / "not", pairs=False)
    assert not artifact.manifest.tokenization.pairs
    kept = ImportSettings.of_champion(artifact.manifest.provenance)
    assert kept.pairs is False


def test_pairs_are_for_models_that_classify_texts(tmp_path):
    checkpoint = write_tagger(
        tmp_path / "checkpoint", "bert", AutoModelForTokenClassification, ["O", "B-PER"]
    )
    with pytest.raises(UsageError, match="pairs of texts are for models that classify"):
        imported(checkpoint, tmp_path / "artifact")


def test_another_template_than_transformers_is_refused(tmp_path):
    checkpoint = write_checkpoint(tmp_path / "checkpoint", "bert", INFERENCE)
    settings = checkpoint / "tokenizer_config.json"
    members = json.loads(settings.read_text(encoding="utf-8"))
    members |= {"tokenizer_class": "BertTokenizer", "do_lower_case": False}
    settings.write_text(json.dumps(members), encoding="utf-8")
    with pytest.raises(SourceError, match="as other tokens than"):
        imported(checkpoint, tmp_path / "artifact")


def test_a_manifest_and_a_graph_that_disagree_on_segments_are_refused(inference, tmp_path):
    _, artifact = inference
    tokenization = artifact.manifest.tokenization
    other = tokenization.model_copy(update={"segments": not tokenization.segments})
    manifest = artifact.manifest.model_copy(update={"tokenization": other})
    changed = Artifact(artifact.path, manifest, "")
    with pytest.raises(ArtifactError, match="disagree on an input token_type_ids"):
        OnnxBackend(changed, 1)
