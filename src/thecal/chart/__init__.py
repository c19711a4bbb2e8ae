"""What people know and order: dated facts, orders, and the chart that folds over the facts."""
