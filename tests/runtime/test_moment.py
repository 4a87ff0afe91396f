from itertools import pairwise

import numpy as np
import pytest

from edgedistill.atari.protocol import Protocol
from edgedistill.runtime.moment import GameRecord, screens, strongest_moment
from edgedistill.runtime.player import Summary, play
from edgedistill.runtime.policy import Policy
from edgedistill.runtime.shipped import shipped_student


def record(number, scores):
    return GameRecord(number, [0] * len(scores), list(scores))


def test_the_moment_has_the_most_points_of_all_games():
    poor = record(0, np.arange(10.0))
    rich = record(1, [0, 0, 0, 0, 5, 9, 9, 9, 9, 9])
    moment = strongest_moment([poor, rich], 4)
    assert (moment.game.number, moment.points) == (1, 9.0)
    assert moment.first <= 4 and moment.end > 5


def test_points_lie_in_the_middle_of_it():
    moment = strongest_moment([record(0, [0.0] * 20 + [7.0] * 20)], 10)
    assert 14 <= moment.first <= 16


def test_points_that_are_lost_count():
    moment = strongest_moment([record(0, [1, 0, -1, -1, -1, 0, 1, 1])], 3)
    assert moment.points == 2


@pytest.mark.parametrize("scores", [[3.0], [0.0, 0.0], [-1.0, -2.0]])
def test_a_short_game_is_shown_whole(scores):
    moment = strongest_moment([record(0, scores)], 150)
    assert (moment.first, moment.end, moment.points) == (0, len(scores), scores[-1])


@pytest.mark.parametrize("sticky", [0.0, 0.25])
def test_its_screens_are_those_that_were_played(sticky):
    policy = Policy.load(shipped_student("breakout"))
    protocol = Protocol(episodes=2, epsilon=0.3, sticky=sticky, max_frames=1_200)
    games, seen = [], {}
    for decision in play(policy, protocol, Summary()):
        if not games or games[-1].number != decision.episode:
            games.append(GameRecord(decision.episode))
        seen[decision.episode, len(games[-1].actions)] = decision.screen()
        games[-1].add(policy.card.actions.index(decision.action), decision.score)
    moment = strongest_moment(games[1:2], 40)
    assert moment.game.number == 1 and moment.points > 0
    shown = list(screens("breakout", protocol, moment))
    assert len(shown) == 40
    for number, (screen, _) in enumerate(shown):
        np.testing.assert_array_equal(screen, seen[moment.game.number, moment.first + number])
    assert all(before <= after for (_, before), (_, after) in pairwise(shown))
    assert shown[-1][1] == moment.game.scores[moment.end - 1]
