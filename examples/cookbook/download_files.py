"""Download files of many runs, but for those that are there already."""

from collections import Counter

from wandb_runs import Api

with Api(max_concurrency=8) as api:
    for _ in range(2):
        downloads = api.runs("me/drafts").download("checkpoints/%.pt", "files")
        print(dict(Counter(file.status for file in downloads.files)))
        for file in downloads.failed:
            print(file.run_id, file.name, file.error)
