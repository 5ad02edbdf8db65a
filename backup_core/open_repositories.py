"""Opens the repositories of a run: one that can't be used is told with the tables, and doesn't stop the others."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from backup_core.errors import BackupError
from backup_core.model import NodeFacts
from backup_core.repository.protocol import Repository
from backup_core.space import refuse_same_disk


@dataclass(frozen=True, slots=True)
class OpenRepositories:
    """The repositories that take backups, and why the others, by name, don't."""

    usable: tuple[Repository, ...]
    refused: Mapping[str, BackupError] = field(default_factory=dict)


def open_repositories(
    repositories: Iterable[Repository], facts: NodeFacts, data_directories: tuple[Path, ...]
) -> OpenRepositories:
    """Open each for this node, and remove what dead runs had begun to write there.

    Raises:
        BackupError: none can be used; what is wrong with the first.
    """
    usable: list[Repository] = []
    refused: dict[str, BackupError] = {}
    for repository in repositories:
        try:
            refuse_same_disk(repository, data_directories)
            repository.open(facts.host_id, facts.cluster)
            repository.clear_up()
            usable.append(repository)
        except BackupError as error:
            refused[repository.name] = error
    if not usable:
        raise next(iter(refused.values()))
    return OpenRepositories(tuple(usable), refused)
