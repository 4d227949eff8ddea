"""GraphQL: operations, flows of several of them, and how answers are read. No I/O."""
