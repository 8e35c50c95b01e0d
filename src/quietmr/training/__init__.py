"""Train networks: recipes, procedural data, losses, optimizers, the loop, publishing."""
