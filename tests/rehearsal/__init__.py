"""Rehearsal of the life of a release on one machine, without AWS, GitHub and Docker."""
