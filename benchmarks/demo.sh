#!/bin/sh
# What `make demo` runs: the whole path in about seven minutes on two cores. BIN is the folder of the installed commands.
set -eu
rm -rf demo
mkdir demo

echo "== 1/4 Distil Breakout for 300,000 steps, about five minutes on two cores: a teacher from scratch and, in the same"
echo "       loop, a student of 1.6% of its size"
# So short a run explores for a third of its steps, and its students begin with half the usual memory.
"$BIN/edgedistill" train --game breakout --ratio 0.017 --steps 300000 --epsilon-decay-steps 100000 \
    --memory-frames 50000 --evaluate-every 150000 --evaluate-episodes 4 --out demo/run

echo "== 2/4 Export the student as int8 ONNX, compare it with the float student, score both and their teacher (10 games)"
# A beginner finds many actions equal, so int8 and float may differ more than an export is usually allowed to.
"$BIN/edgedistill" export demo/run --episodes 10 --epsilon 0.05 --allow-disagreement -o demo/breakout.onnx

echo "== 3/4 Play the exported student on the board's runtime, without torch"
"$BIN/edgedistill" play demo/breakout.onnx --epsilon 0.05 --headless --gif demo/breakout.gif

echo "== 4/4 Play the Pong student that ships, trained for 1.5 million steps"
"$BIN/edgedistill" play pong --headless --gif demo/pong.gif

echo
echo "Five minutes buy a beginner: in Breakout a random player scores 1.7, a human 30, a fully trained teacher hundreds."
echo "The Pong student shows what half an hour buys; 21 is the most there is. Watch either in the terminal:"
echo "  $BIN/edgedistill play demo/breakout.onnx"
echo "  $BIN/edgedistill play pong"
