"""Random verbs and SIGKILLs on a few containers, a short run of what tests/bench/random-verbs does for hours."""

from nautest import main, test
from nautest.random_verbs import RandomVerbs


def play(nau, seed, seconds):
    machine = RandomVerbs(nau, seed, containers=4)
    machine.run(seconds=seconds)
    machine.finish()


@test(needs=["root"], timeout=300)
def whatever_is_done_and_killed_every_verb_copes(nau):
    play(nau, seed=20261130, seconds=10)


main()
