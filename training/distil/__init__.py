"""The plan's recipe: a large teacher learns the cards, a student that fits an accelerator learns from the teacher."""
