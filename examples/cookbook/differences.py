"""Show in which hyperparameters runs differ."""

from wandb_runs import Api, DisplayName

api = Api()

names = ["diverged", "sgd-lr0.1-b32-w64"]
runs = api.runs("sample/digits", DisplayName.is_in(names))
table = runs.to_pandas(attributes=["name"], summary=False).set_index("name")
differs = table.nunique(dropna=False) > 1
print(table.loc[:, differs].T.to_string())
