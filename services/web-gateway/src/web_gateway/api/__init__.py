"""The public API: one module per group of operations, on a thin typed layer (``layer.py``)."""
