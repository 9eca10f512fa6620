"""Input drift of a model in production: the prediction log, the check, and reports of both.

log lines ──> prediction log ──> distributions ──┐
                                                 ├──> verdict ──> page, metrics, tracked run
manifest's profile, or a log known as good ──────┘
"""
