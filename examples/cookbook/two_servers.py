"""Read from two servers, or with two accounts, in one program."""

import os

from wandb_runs import Api

URL = os.environ["WANDB_BASE_URL"]  # such as https://wandb.company.example

company = Api(base_url=URL, api_key="key-of-the-company")
mine = Api(
    base_url=URL.replace("127.0.0.1", "localhost"), api_key="key-of-mine"
)

for name, api in (("company", company), ("mine", mine)):
    with api:
        projects = [project.name for project in api.projects("me")]
        print(f"{name}: as {api.viewer.username}, {projects}")
