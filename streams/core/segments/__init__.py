"""What rules of segments mean: facts, and rules as SQL over the stored ones."""
