"""How surely a model names cards: what happens to the crops, who competes, what is counted, how it is shown."""
