import pytest

from tests.hub_server import Hub, serving


@pytest.fixture
def hub(monkeypatch, tmp_path) -> Hub:
    """A hub that this process asks, an empty cache and nobody's token."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE", "http_proxy", "HTTP_PROXY", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("EDGEDISTILL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("edgedistill.hub.pull.PAUSES", (0.0, 0.0, 0.0))
    with serving() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        yield hub
