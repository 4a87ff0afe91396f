"""Putting a folder on the hub, with huggingface_hub: one commit of all that changed, or nothing."""

from collections.abc import Mapping
from dataclasses import dataclass

# First of all: where it is missing, that is what there is to say.
from huggingface_hub import CommitOperationAdd, HfApi, get_token
from huggingface_hub.utils import disable_progress_bars

from edgedistill.errors import BadRequest, EdgeDistillError
from edgedistill.runtime.hub.http import HUGGING_FACE, endpoint
from edgedistill.runtime.hub.name import HubName

TOKENS = f"{HUGGING_FACE}/settings/tokens"


@dataclass(frozen=True)
class Pushed:
    """A commit on the hub."""

    url: str
    """Of the repository"""
    commit: str


def push(folder: Mapping[str, bytes], name: HubName, *, private: bool, message: str) -> Pushed:
    """Make the repository, where there is none, and commit to its newest revision.

    Args:
        folder: content by path in the repository; files that are there and not here stay.
        private: whether a new repository is for nobody else; one that is there stays as it is.

    Raises:
        BadRequest: nobody's token, or it may not write there.
        EdgeDistillError: no network, or the hub refuses the files.
    """
    api = HfApi(endpoint=endpoint(), library_name="edgedistill")
    if get_token() is None:
        raise BadRequest(f"Pushing needs a token that may write. Make one ({TOKENS}) and type: export HF_TOKEN=…")
    disable_progress_bars()
    try:
        repository = api.create_repo(name.repo, private=private, exist_ok=True)
        operations = [CommitOperationAdd(path, data) for path, data in folder.items()]
        commit = api.create_commit(name.repo, operations, commit_message=message)
    except Exception as error:  # those of its HTTP library share no base with its own, and change with its versions
        raise _refusal(error, name) from error
    return Pushed(str(repository), commit.oid)


def _refusal(error: Exception, name: HubName) -> EdgeDistillError:
    """What went wrong, in a line."""
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    if status == 401:
        return BadRequest(
            f"{endpoint()} does not accept the token of HF_TOKEN or of `hf auth login`. Make one: {TOKENS}"
        )
    if status == 403:
        return BadRequest(f"The token may not write to {name.repo}. Make one that may: {TOKENS}")
    told = str(getattr(error, "server_message", None) or error).strip()
    reason = (told.splitlines() or [type(error).__name__])[0][:300]
    if status is None:
        return EdgeDistillError(f"{name.repo}: the push to {endpoint()} failed ({reason}). Nothing was committed.")
    return EdgeDistillError(f"{name.repo}: {endpoint()} refuses the push with status {status} ({reason}).")
