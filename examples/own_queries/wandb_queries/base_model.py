# Written by wandb-runs codegen, not by hand. To write it again:
#
#     wandb-runs codegen

"""The base of all models, written by hand elsewhere."""

from wandb_runs.graphql.models import GraphQLModel as BaseModel

__all__ = ["BaseModel"]
