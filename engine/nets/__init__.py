"""Networks in torch: for learning, conversion and export. Inference never loads them."""
