"""The decision whether a candidate may replace the champion."""
