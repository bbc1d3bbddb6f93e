"""How vision.detect finds cards: lines, quads of lines, evidence, choice, refinement."""
