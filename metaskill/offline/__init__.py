"""Past data: how it is stored, read, collected and sampled."""
