"""What a model meets in production: the prediction log, drift, and reports of both.

log lines ──> prediction log ──> distributions ──┐
                                                 ├──> verdict ──> page, metrics, tracked run
manifest's profile, or a log known as good ──────┘
"""
