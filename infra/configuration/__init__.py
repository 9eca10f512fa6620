"""Configuration of the deployments: frozen dataclasses that refuse wrong values."""
