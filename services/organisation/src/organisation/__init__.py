"""Organisation: which duties staff have, where, from when to when, and for whom they act."""
