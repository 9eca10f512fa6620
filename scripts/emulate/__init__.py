"""The Lambda handler on this machine, under the runtime client and emulator that AWS publishes."""
