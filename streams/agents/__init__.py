"""Thin Faust shells: take, call the core, store, emit, acknowledge. A branch on domain meaning here is a bug."""
