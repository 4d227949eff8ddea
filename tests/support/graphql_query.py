"""Builds GraphQL queries from the fields that a test reads."""

from __future__ import annotations


def of_project(entity: str, project: str, fields: str) -> str:
    return f'project(entityName: "{entity}", name: "{project}") {{ {fields} }}'


def of_run(entity: str, project: str, run: str, fields: str) -> str:
    return of_project(entity, project, f'run(name: "{run}") {{ {fields} }}')
