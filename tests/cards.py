"""Cards of exported students with other values."""

import json
from collections.abc import Mapping

from edgedistill.runtime.card import PREFIX


def with_fields(metadata: Mapping[str, str], **fields: object) -> dict[str, str]:
    """Metadata of the present format version with other fields on its card; a value of None removes one."""
    card = {key: value for key, value in (json.loads(metadata[PREFIX + "card"]) | fields).items() if value is not None}
    return {**metadata, PREFIX + "card": json.dumps(card)}
