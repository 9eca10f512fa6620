"""Figures as a person reads them."""


def percent(share: float) -> str:
    """0.9285 as `92.85 %`."""
    return f"{100 * share:.2f} %"


def points(difference: float) -> str:
    """-0.015 as `−1.50`: percentage points, always with their sign."""
    return f"{100 * difference:+.2f}".replace("-", "−")
