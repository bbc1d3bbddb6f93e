"""What is learnt from: card pictures by class, cards made up from them or from nothing, and who is in a batch."""
