"""The card detector: pictures made with their truth, a small network, its training and its export."""
