"""The model: data, losses, teacher, student, export. The only package that may import torch."""
