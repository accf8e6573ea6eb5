"""The API for asyncio. What stands here is written; its twin, `_sync`, is made of it."""
