"""How a sync ends that has no plan: what its exception is, and whether there was anything to do at all."""

from __future__ import annotations

from b2pure.model.errors import InvalidArgument as InvalidArgumentValue
from b2pure.plan.failures import ClockSkewed, EmptySource, PlanFailed, SideFailed
from b2pure.shell.v1.error_table import exception_of
from b2pure.shell.v1.exceptions import ClockSkew, CommandError, InvalidArgument
from b2pure.shell.v1.folder import AbstractFolder, bucket_of
from b2pure.shell.v1.scan_policies import ScanPoliciesManager
from b2pure.shell.v1.sync_sides import is_absent

__all__ = ["exception_of_plan", "has_files"]


def has_files(folder: AbstractFolder, policies_manager: ScanPoliciesManager) -> bool:
    """Whether the folder has files, hidden ones too, that the policies manager lets in. Raises what listing raises."""
    if is_absent(folder):
        return False
    return next(iter(folder.all_files(None, policies_manager)), None) is not None


def exception_of_plan(failed: PlanFailed, source: AbstractFolder) -> Exception:
    """Why there can be no plan."""
    match failed.failure:
        case EmptySource():
            return CommandError(f"Directory {_place(source)} is empty.  Use --allowEmptySource to sync anyway.")
        case SideFailed(_, error):
            told = exception_of(error)
            return told if not isinstance(told, OSError) else CommandError(str(told))
        case InvalidArgumentValue(name, message):
            return InvalidArgument(name, message)
        case ClockSkewed(ahead):
            return ClockSkew(round(ahead / 1000))
        case _:
            return CommandError(str(failed))


def _place(folder: AbstractFolder) -> str:
    """The folder as people write it."""
    if folder.folder_type() == "b2":
        return f"b2://{bucket_of(folder).name}/{folder.make_full_path('')}".rstrip("/")
    return getattr(folder, "root", None) or folder.make_full_path("")
