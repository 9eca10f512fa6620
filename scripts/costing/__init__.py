"""What the ways of serving cost, from a measured answer and list prices."""
