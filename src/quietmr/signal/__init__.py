"""Pure functions on tensors: filters, patches, resizing."""
