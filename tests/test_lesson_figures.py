"""The figures that only one notebook needs: what they show, and what their alt texts say."""
