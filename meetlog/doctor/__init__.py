"""Whether this computer is ready for a meet: what is measured, and what is made of it in words."""
