"""Networks, registry, cards, weights."""
