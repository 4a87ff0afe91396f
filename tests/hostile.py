"""Files as an accident or an attacker leaves them."""

import os

from hypothesis import strategies as st


@st.composite
def damaged(draw, original: bytes) -> bytes:
    """Bytes replaced, removed, inserted or repeated, at one to four places."""
    data = original
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = start + draw(st.integers(0, 20))
        replacement = draw(st.one_of(st.just(data[start:end] * 2), st.binary(max_size=20), st.just(b"")))
        data = data[:start] + replacement + data[draw(st.sampled_from([start, start + 1, end, len(data)])) :]
    return data


class MakesFolder:
    """Whoever unpickles it makes a folder."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)
