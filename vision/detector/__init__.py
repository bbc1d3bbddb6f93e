"""How `vision.detect` works, in the order of a frame: lines, quads, evidence, choice, refinement."""
