#!/bin/sh
# What `make demo` runs: the whole path in about eight minutes on two cores. BIN is the folder of the installed commands.
set -eu
rm -rf demo
mkdir demo

echo "== 1/4 Distil Breakout for 200,000 steps, some seven minutes: a teacher from scratch and, in the same loop,"
echo "       a student of 1.6% of its size"
# So short a run explores for less of its steps, and its students begin with a smaller memory.
"$BIN/edgedistill" train --game breakout --ratio 0.017 --steps 200000 --epsilon-decay-steps 100000 \
    --memory-frames 30000 --evaluate-every 50000 --evaluate-episodes 4 --out demo/run

echo "== 2/4 Export the student as int8 ONNX: the integers that it learnt with; score it and its teacher (10 games)"
"$BIN/edgedistill" export demo/run --episodes 10 --epsilon 0.01 -o demo/breakout.onnx

echo "== 3/4 Play the exported student on the board's runtime, without torch"
"$BIN/edgedistill" play demo/breakout.onnx --headless --gif demo/breakout.gif

echo "== 4/4 Play the Pong student that ships, trained for 1.5 million steps"
"$BIN/edgedistill" play pong --headless --gif demo/pong.gif

echo
echo "A few minutes buy a beginner: in Breakout a random player scores 1.7, a human 30. The Pong student shows what"
echo "1.5 million steps buy; 21 is the most there is. Watch either in the terminal:"
echo "  $BIN/edgedistill play demo/breakout.onnx"
echo "  $BIN/edgedistill play pong"
