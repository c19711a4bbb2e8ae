"""The body: baclofen in spinal fluid, cord and blood, and what it does there."""
