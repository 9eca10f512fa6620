"""Server: uvicorn over the same application as the Lambda, with batching."""
