"""What `make docs` needs beside mkdocs: see `mkdocs.yml`."""
