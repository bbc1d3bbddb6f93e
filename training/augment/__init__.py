"""What sleeves, light, hands, cameras and detectors do to a card: effects on batches, each in a file of its own.

An effect takes cards float32 RGB [n, 3, h, w] of 0..1, upright, and a generator on the same device, and gives the same
shape back. Nothing else decides what it does, so a batch can be made again. `pipeline` puts them in their order.
"""
