#!/bin/sh
# What `make demo` runs: the whole path in about eight minutes on two cores. See the README.
set -eu
rm -rf demo
mkdir demo

echo "== 1/4 Distil $GAME for 300,000 steps, about five minutes on two cores: a teacher from scratch and, in the same loop,"
echo "       a student of 1.6% of its size"
# For a run this short: explore for a third of it instead of 300,000 steps, and begin with students sooner.
"$BIN/edgedistill" train --game "$GAME" --ratio 0.017 --steps 300000 --epsilon-decay-steps 100000 \
    --memory-frames 50000 --evaluate-every 100000 --evaluate-episodes 4 --out demo/run

echo "== 2/4 Export the student as int8 ONNX, verify that it plays like the float one, score it (10 games each)"
"$BIN/edgedistill" export demo/run --episodes 10 -o demo/boxing.onnx

echo "== 3/4 Play the exported student, without torch (a GIF goes to demo/boxing.gif)"
"$BIN/edgedistill" play demo/boxing.onnx --headless --gif demo/boxing.gif

echo "== 4/4 Play the Pong student that ships, trained for 2 million steps"
"$BIN/edgedistill" play pong --headless --gif demo/pong.gif

echo "$MINUTES minutes buy a beginner: a random player scores about 0 in Boxing, a human 12, a fully trained teacher 95 and more."
echo "Watch in the terminal: $BIN/edgedistill play demo/boxing.onnx    or: $BIN/edgedistill play pong"
