from scripts.evaluate.highlights import check_highlights, without

TEXT = "the film is the film is the film is good fine the film is the film is"


def test_words_that_decide_matter_more_than_chance(make_predictor):
    predictor = make_predictor(max_tokens=64)
    highlighting = check_highlights(predictor, [TEXT] * 20)
    assert highlighting.texts == 20
    assert highlighting.share >= 0.9


def test_words_that_say_nothing_are_found_out(make_predictor):
    predictor = make_predictor(max_tokens=64, values={})
    assert check_highlights(predictor, [TEXT] * 20).share == 0.0


def test_texts_too_short_to_judge_are_not_counted(make_predictor):
    assert check_highlights(make_predictor(), ["good film"]).texts == 0


def test_stretches_are_skipped():
    assert without("abcdef", [(0, 1), (4, 6)]) == "bcd"
