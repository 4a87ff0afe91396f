#!/bin/sh
# What `make demo` runs: the whole path in about seven minutes on two cores. BIN is the folder of the installed commands.
set -eu
rm -rf demo
mkdir demo

echo "== 1/4 Distil Kung-Fu Master for 200,000 steps, some five minutes: a teacher from scratch and, in the"
echo "       same loop, a student of 1.6% of its size"
# So short a run explores for a third of its steps, and its students begin with a smaller memory.
"$BIN/edgedistill" train --game kung_fu_master --ratio 0.017 --steps 200000 --epsilon-decay-steps 60000 \
    --memory-frames 30000 --evaluate-every 50000 --evaluate-episodes 4 --out demo/run

echo "== 2/4 Export the student as int8 ONNX, compare it with the float student, score both and their teacher (10 games)"
# A beginner finds many actions equal, so int8 and float may differ more than an export is usually allowed to.
"$BIN/edgedistill" export demo/run --episodes 10 --epsilon 0.01 --allow-disagreement -o demo/kung_fu_master.onnx

echo "== 3/4 Play the exported student on the board's runtime, without torch"
"$BIN/edgedistill" play demo/kung_fu_master.onnx --headless --gif demo/kung_fu_master.gif

echo "== 4/4 Play the Pong student that ships, trained for 1.5 million steps"
"$BIN/edgedistill" play pong --headless --gif demo/pong.gif

echo
echo "A few minutes buy a beginner: in Kung-Fu Master a random player scores about 260, a human 22,700. The Pong student"
echo "shows what half an hour buys; 21 is the most there is. Watch either in the terminal:"
echo "  $BIN/edgedistill play demo/kung_fu_master.onnx"
echo "  $BIN/edgedistill play pong"
