"""Charts of runs, by altair, drawn without a browser; needs `wandb-runs[plots]`.

Each function takes frames of this package, of pandas or polars, or the lists of dicts of the
default format, sends nothing, and returns an altair chart to look at, to compose or to save. No
setting of altair is read or changed, and a chart of any size can be shown.

>>> from wandb_runs import plots
>>> frame = runs.histories(keys=["loss"], format="polars")
>>> chart = plots.curves(frame, "loss", log="y")
>>> (chart | chart.properties(title="again")).to_dict()["$schema"][:35]
'https://vega.github.io/schema/vega-'
"""

from wandb_runs.errors.extras import needs_extra

with needs_extra("plots", "wandb_runs.plots"):
    from wandb_runs.plots.bars import bars
    from wandb_runs.plots.curves import curves
    from wandb_runs.plots.groups import Band
    from wandb_runs.plots.parallel import parallel
    from wandb_runs.plots.save import save
    from wandb_runs.plots.scatter import scatter
    from wandb_runs.plots.tables import Frame

__all__ = ["Band", "Frame", "bars", "curves", "parallel", "save", "scatter"]
