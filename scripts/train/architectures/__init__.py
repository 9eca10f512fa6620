"""Architectures that `scripts.train` can train, one module each.

A configuration names one by `architecture`: `transformer`, `lstm`, `bilstm_crf`, or the dotted name
of a module of your own. The module has a function `train(run) -> TrainedModel`; see
`architecture.py`. Nothing else in the project depends on it.
"""
