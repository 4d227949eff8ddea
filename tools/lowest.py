"""Print constraints that pin each dependency and extra to the lowest version it states."""

from __future__ import annotations

import tomllib
from pathlib import Path

from packaging.requirements import Requirement

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"


def lowest(stated: str) -> str | None:
    """The pin of one requirement, or None for an extra of this package."""
    requirement = Requirement(stated)
    if requirement.name == "wandb-runs":
        return None
    bounds = [each.version for each in requirement.specifier if each.operator in {">=", "=="}]
    if not bounds:
        raise SystemExit(f"{stated}: no lower bound is stated")
    return f"{requirement.name}=={bounds[0]}"


def main() -> None:
    """Print the pins of `dependencies` and of all extras but `typegen`."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    extras: dict[str, list[str]] = project["optional-dependencies"]
    # Its generator needs a newer typing_extensions; it is itself tested at its lowest version.
    del extras["typegen"]
    stated = [*project["dependencies"], *(each for extra in extras.values() for each in extra)]
    print(*sorted({pin for each in stated if (pin := lowest(each))}), sep="\n")


if __name__ == "__main__":
    main()
