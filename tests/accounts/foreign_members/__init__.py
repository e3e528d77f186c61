"""An app with a user model of its own, whose rows have numbers for keys."""
