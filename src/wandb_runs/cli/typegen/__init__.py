"""Models of what the runs of a project hold: `wandb-runs typegen`.

The runs are read a page at a time into shapes, the shapes become a JSON schema, and
datamodel-code-generator writes the models. It needs the extra `typegen`:
`pip install 'wandb-runs[typegen]'`.
"""

from wandb_runs.cli.typegen.models import check_generator, is_generated, write_models
from wandb_runs.cli.typegen.reading import Documents, read_documents
from wandb_runs.cli.typegen.shapes import shape_of

__all__ = [
    "Documents",
    "check_generator",
    "is_generated",
    "read_documents",
    "shape_of",
    "write_models",
]
