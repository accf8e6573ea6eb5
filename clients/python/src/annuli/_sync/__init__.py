"""The API for threads. It is made of its twin, `_async`."""
