import pytest

from edgedistill.atari.games import find_game, human_normalised
from edgedistill.errors import BadRequest


@pytest.mark.parametrize("name", ["space_invaders", "SpaceInvaders", "space-invaders", "ALE/SpaceInvaders-v5"])
def test_a_game_by_any_usual_name(name):
    assert find_game(name) == "space_invaders"


def test_an_unknown_game_names_the_nearest():
    with pytest.raises(BadRequest, match="Did you mean 'breakout'"):
        find_game("brekout")


def test_a_rom_that_aborts_the_process_is_not_offered():
    with pytest.raises(BadRequest):
        find_game("combat")


def test_random_is_0_and_human_is_1():
    assert human_normalised("breakout", 1.7) == 0
    assert human_normalised("breakout", 30.5) == 1
