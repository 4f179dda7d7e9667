"""The departments' registers, each speaking its own protocol over the same living world."""
