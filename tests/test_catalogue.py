import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgedistill.bounded_file import MAX_TOML_BYTES
from edgedistill.catalogue import (
    NATURE_DQN,
    find_architecture,
    load_catalogue,
    parse_architecture,
    pick_by_ratio,
    read_architecture,
)
from edgedistill.errors import BadRequest

# Computed from the layers that Sun & Fazli 2019 and Mnih et al. 2015 state, 6 actions: parameters, MMAC.
PAPER = {
    "net1": (424_790, 3.16),
    "net2": (111_798, 2.18),
    "net3": (61_174, 2.13),
    "net4": (54_886, 1.01),
    "net5": (30_822, 1.07),
}


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_nets_cost_what_they_should(name):
    parameters, mmac = PAPER[name]
    assert find_architecture(name).parameters(6) == parameters
    assert round(find_architecture(name).macs(6) / 1e6, 2) == mmac


def test_nature_dqn_is_the_denominator():
    assert NATURE_DQN.parameters(6) == 1_687_206
    assert NATURE_DQN.parameters(18) == 1_693_362
    assert round(NATURE_DQN.macs(6) / 1e6, 2) == 9.35
    assert NATURE_DQN.ratio(6) == 1.0


@pytest.mark.parametrize(("name", "limit"), [("micro", 0.017), ("nano", 0.01), ("pico", 0.005)])
@pytest.mark.parametrize("actions", [3, 6, 18])
def test_our_students_keep_their_promise_at_any_action_count(name, limit, actions):
    assert find_architecture(name).ratio(actions) <= limit


@pytest.mark.parametrize(("ratio", "name"), [(1.0, "net1"), (0.0183, "net5"), (0.017, "micro"), (0.01, "nano")])
def test_ratio_picks_the_largest_at_or_below(ratio, name):
    assert pick_by_ratio(ratio, 6).name == name


def test_ratio_at_exactly_an_entry_picks_it():
    exact = find_architecture("nano").ratio(6)
    assert pick_by_ratio(exact, 6).name == "nano"


@pytest.mark.parametrize("ratio", [0.0, -0.1, 1.1, float("nan")])
def test_ratio_outside_0_to_1_is_refused(ratio):
    with pytest.raises(BadRequest, match="above 0 and at most 1"):
        pick_by_ratio(ratio, 6)


def test_ratio_below_the_smallest_names_it_and_a_ratio_that_works():
    with pytest.raises(BadRequest, match=r"smallest is 'femto' at 0\.1\d+%\. Use --ratio (0\.\d+)") as error:
        pick_by_ratio(0.001, 6)
    advised = float(str(error.value).split("Use --ratio ")[1].split()[0])
    assert pick_by_ratio(advised, 6).name == "femto"


def test_a_written_architecture_reads_back():
    for entry in load_catalogue().values():
        assert parse_architecture(entry.to_dict(), "test") == entry


def test_a_users_own_toml(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('name = "mine"\nconvs = [{ channels = 8, kernel = 8, stride = 4 }]\nfc = [16]\n')
    mine = find_architecture(str(file))
    # conv: 8·(4·64) + 8; fc: 16·(8·20·20) + 16; head: 6·16 + 6
    assert mine.parameters(6) == 2_056 + 51_216 + 102


def test_a_separable_convolution_is_a_depthwise_one_and_one_of_kernel_1(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(
        """
        name = "mine"
        convs = [
            { channels = 8, kernel = 8, stride = 4 },
            { channels = 8, kernel = 4, stride = 2, depthwise = true },
            { channels = 16, kernel = 1, stride = 1 },
        ]
        fc = []
        """
    )
    mine = find_architecture(str(file))
    # 8·(4·64) + 8; 8·16 + 8; 16·8 + 16; head: 6·(16·9·9) + 6
    assert mine.parameters(6) == 2_056 + 136 + 144 + 7_782
    assert mine.macs(6) == 2_048 * 20 * 20 + 128 * 9 * 9 + 128 * 9 * 9 + 7_776
    assert mine.layers_text() == "8-d4s2-16k1s1"
    assert parse_architecture(mine.to_dict(), "test") == mine


STEM = [{"channels": 8, "kernel": 8, "stride": 4}]
DEPTHWISE = {"channels": 8, "kernel": 4, "stride": 2, "depthwise": True}
GOOD = {"name": "x", "convs": [{"channels": 8, "kernel": 8, "stride": 4}], "fc": [16]}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"convs": []}, "at least one convolution"),
        ({"convs": [{"channels": 8, "kernel": 8}]}, "channels, kernel and stride"),
        ({"convs": [{"channels": 0, "kernel": 8, "stride": 4}]}, "'channels' must be a whole number"),
        ({"convs": [{"channels": True, "kernel": 8, "stride": 4}]}, "'channels' must be a whole number"),
        ({"convs": [{"channels": 8, "kernel": 84, "stride": 1}, {"channels": 8, "kernel": 3, "stride": 1}]}, "nothing"),
        ({"fc": [10**9]}, "'fc' must be a whole number"),
        ({"fc": "16"}, "'fc' must be a list"),
        ({"fc": [1] * 99}, "at most 8"),
        ({"name": "../evil"}, "'name' must be"),
        ({"summary": 3}, "'summary' must be text"),
        ({"depth": 3}, "unknown key 'depth'"),
        ({"convs": [*STEM, {**DEPTHWISE, "depthwise": 1}]}, "'depthwise' must be true or false, got 1"),
        ({"convs": [*STEM, {**DEPTHWISE, "channels": 16}]}, "as many channels as come in, here 8, got channels = 16"),
        ({"convs": [{**DEPTHWISE, "channels": 4}]}, "the first of 'convs' cannot be depthwise"),
    ],
)
def test_an_unusable_architecture_says_what_is_wrong(change, complaint):
    with pytest.raises(BadRequest, match=complaint):
        parse_architecture(GOOD | change, "mine.toml")


VALUES = st.none() | st.integers() | st.text(max_size=5) | st.booleans()
SIZES = dict.fromkeys(("channels", "kernel", "stride"), VALUES | st.just(4))
CONVS = st.lists(VALUES | st.fixed_dictionaries(SIZES, optional={"depthwise": VALUES}), max_size=3)


@given(
    st.fixed_dictionaries(
        {"name": VALUES | st.just("x"), "convs": VALUES | CONVS, "fc": VALUES | st.lists(VALUES, max_size=3)},
        optional={"summary": VALUES, "other": VALUES},
    )
)
def test_any_table_is_an_architecture_or_a_clear_error(table):
    try:
        assert parse_architecture(table, "mine.toml").parameters(6) > 0
    except BadRequest as error:
        assert "mine.toml" in str(error)


def test_a_malformed_or_oversized_toml_is_refused(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("name = [")
    with pytest.raises(BadRequest, match="not TOML"):
        read_architecture(file)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadRequest, match="not TOML"):
        read_architecture(file)
    file.write_text(f"name = {'9' * 5000}")
    with pytest.raises(BadRequest, match="not TOML"):
        read_architecture(file)
    file.write_text(f'name = "mine"\nfc = [0x{"f" * 5000}]\nconvs = [0x{"f" * 5000}]')
    with pytest.raises(BadRequest):
        read_architecture(file)
    file.write_text("#" * (MAX_TOML_BYTES + 1))
    with pytest.raises(BadRequest, match="larger than 16,384 bytes; no student's TOML is"):
        read_architecture(file)
    with pytest.raises(BadRequest, match="cannot be read"):
        read_architecture(tmp_path / "missing.toml")


@pytest.mark.parametrize(
    ("convs", "fc", "complaint"),
    [
        # 14.8 G parameters, 59 GB.
        ([(512, 1, 1)], [4096], r"multiply-accumulates a frame, 29[0-9]\.[0-9] times the 50,000,000 allowed"),
        ([(1, 42, 1)], [8], r"bytes a frame, 1\.[0-9] times the 32,000,000 allowed"),
        ([(8, 8, 4)] * 1 + [(8, 1, 1)] * 7, [8] * 8, "it has 17 layers, 1.1 times the 16 allowed"),
        ([(16, 8, 4)], [1000], r"its file would take 6,[0-9,]+ bytes, 1\.6 times what is read"),
    ],
)
def test_a_student_for_no_board_is_refused_before_anything_is_built(convs, fc, complaint):
    tables = [{"channels": channels, "kernel": kernel, "stride": stride} for channels, kernel, stride in convs]
    with pytest.raises(BadRequest, match=complaint):
        parse_architecture({"name": "mine", "convs": tables, "fc": fc}, "mine.toml")


def test_the_catalogue_and_the_nature_dqn_are_within_the_bounds():
    for entry in [NATURE_DQN, *load_catalogue().values()]:
        assert parse_architecture(entry.to_dict(), "x") == entry
        assert entry.cost(18).macs < 10_000_000
