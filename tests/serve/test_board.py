from edgedistill.serve.board import Meter, board_state


def zone(folder, number, kind, temperature):
    path = folder / f"thermal_zone{number}"
    path.mkdir()
    (path / "type").write_text(f"{kind}\n")
    (path / "temp").write_text(f"{temperature}\n")


def test_the_temperature_is_the_processors(tmp_path):
    assert board_state(tmp_path)["temperature_c"] is None
    zone(tmp_path, 0, "acpitz", 20000)
    assert board_state(tmp_path)["temperature_c"] == 20.0
    zone(tmp_path, 1, "cpu-thermal", 48312)
    assert board_state(tmp_path)["temperature_c"] == 48.3
    (tmp_path / "thermal_zone1" / "temp").write_text("damaged")
    assert board_state(tmp_path)["temperature_c"] == 20.0


def test_a_rate_is_of_the_time_since_the_last_reading():
    meter = Meter()
    meter.read(0, now=100.0)
    assert meter.read(7, now=100.5)["decisions_per_second"] == 0
    assert meter.read(30, now=102.0)["decisions_per_second"] == 15
