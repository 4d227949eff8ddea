"""Print constraints that pin each dependency and extra to the lowest version it states."""

from __future__ import annotations

import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
CONSTRAINTS = ROOT / "constraints.txt"


def lowest(stated: str) -> str | None:
    """The pin of one requirement; None for an extra of this package."""
    requirement = Requirement(stated)
    if requirement.name == "wandb-runs":
        return None
    bounds = [each.version for each in requirement.specifier if each.operator in {">=", "=="}]
    if not bounds:
        raise SystemExit(f"{stated}: no lower bound")
    return f"{requirement.name}=={bounds[0]}"


def main() -> None:
    """Print the pins of `dependencies` and of all extras."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project, groups = document["project"], document["dependency-groups"]
    extras: dict[str, list[str]] = project["optional-dependencies"]
    stated = [*project["dependencies"], *(each for extra in extras.values() for each in extra)]
    pins = {pin for each in stated if (pin := lowest(each))}
    # The tools are those of `make test`, but for what follows the version of pytest.
    tools = {Requirement(each).name for each in groups["tests"]} - {"pytest-httpx"}
    tested = CONSTRAINTS.read_text(encoding="utf-8").split()
    print(*sorted(pins | {pin for pin in tested if pin.split("==")[0] in tools}), sep="\n")


if __name__ == "__main__":
    main()
