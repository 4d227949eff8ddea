"""GraphQL: one request and how its answer is read, without any I/O."""
