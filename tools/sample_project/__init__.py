"""The sample project: small networks that read handwritten digits, logged as anyone would."""
