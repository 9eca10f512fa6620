"""What a fork may choose about its deployments: frozen, typed, and checked when it is written."""
